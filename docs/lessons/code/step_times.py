"""Step times of pairs of runs, eager and replayed: step_times.py FIGURE.svg WIDTH:EAGER_RUN:REPLAY_RUN ...

A line of metrics.jsonl has the median of the steps since the line before; the smallest of a run is the one
that other work on the machine disturbed least."""
import json
import pathlib
import sys

from chart import Chart


def milliseconds(run):
    lines = (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()
    times = [json.loads(line)["step_milliseconds"] for line in lines if "step_milliseconds" in line]
    return min(times[2:])


widths, eager, replayed = [], [], []
for pair in sys.argv[2:]:
    width, one, other = pair.split(":")
    widths.append(int(width))
    eager.append(milliseconds(one))
    replayed.append(milliseconds(other))
    print(f"width {width}: {eager[-1]:.2f} ms eager, {replayed[-1]:.2f} ms replayed, ratio: {eager[-1] / replayed[-1]:.2f}")
chart = Chart("A training step, eager and replayed (CPU, 1 thread)", "units of a hidden layer", "ms a step", log_x=True, log_y=True)
chart.line("eager", widths, eager, colour=0)
chart.line("replayed", widths, replayed, colour=1)
chart.write(sys.argv[1])
