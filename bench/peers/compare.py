#!/usr/bin/env python3
"""Whole training steps in Kantor, PyTorch and JAX: gradients checked, then timed in alternating rounds.

Every engine is a process of its own, and none is timed whose gradients differ from PyTorch's in float64. Prints a table
in Markdown; a ratio is the peer's time over Kantor's, from the lowest to the highest of the runs. README.md says more.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from worker import read_tensors

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODELS = ["mlp:64:256", "mlp:128:256", "mlp:512:256", "dcgan:16:64", "dcgan:64:64"]
STEPS = ["clip", "penalty", "generator"]
PEERS = {"torch": ["torch_peer.py"], "torch-graph": ["torch_peer.py", "--mode=graph"],
         "torch-compile": ["torch_peer.py", "--mode=compile"], "jax": ["jax_peer.py"]}


class Engine:
    """A process that answers a JSON object a line."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.context = self.ask(context=True)

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended")
        return json.loads(line)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_engines(arguments):
    threads = f"--threads={arguments.threads}"
    engines = {"kantor": Engine([arguments.kantor, "bench", "steps", "--serve", "--device", arguments.device, threads])}
    for name in arguments.peers:
        script, *options = PEERS[name]
        options += ["--device", arguments.device] + ([threads] if script == "torch_peer.py" else [])
        engines[name] = Engine([sys.executable, str(HERE / script), *options])
    reference = Engine([sys.executable, str(HERE / "torch_peer.py"), "--dtype=float64", threads])
    return engines, reference


def difference(found, expected):
    """The largest relative error of a parameter's gradient, in norm. Gradients that are far below the largest are sums
    that cancel, such as that of the critic's last bias: their error counts against a hundredth of the largest."""
    least = max(np.linalg.norm(e) for e in expected.values()) / 100
    return max(float(np.linalg.norm(found[name] - e) / max(np.linalg.norm(e), least)) for name, e in expected.items())


def check(engines, reference, row, folder, tolerance):
    """Every engine's error against the reference, or why it is not timed."""
    request, start = {"model": row["model"], "step": row["step"]}, str(folder / "start")
    answer = engines["kantor"].ask(**request, gradients=start)
    if "error" in answer:
        raise SystemExit(answer["error"])
    reference.ask(**request, inputs=start, gradients=str(folder / "expected"))
    expected = read_tensors(folder / "expected")[0]
    for name, engine in engines.items():
        file = start
        if name != "kantor":
            file = str(folder / name)
            answer = engine.ask(**request, inputs=start, gradients=file)
        if "error" in answer:
            row["refused"][name] = answer["error"]
            continue
        row["errors"][name] = difference(read_tensors(file)[0], expected)
        if not row["errors"][name] <= tolerance:  # NaN too
            row["refused"][name] = f"gradients differ from float64 by {row['errors'][name]:.1e}"


def busy_seconds():
    """Of all processors: user, nice, system, irq and softirq."""
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields[i] for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK"), sum(fields) / os.sysconf("SC_CLK_TCK")


class Patience:
    """Waits for moments in which other programs take less than a tenth of the processors, so long in all and no longer."""

    def __init__(self, seconds):
        self.left = seconds

    def wait(self):
        while self.left > 0:
            busy, everything = busy_seconds()
            time.sleep(1)
            self.left -= 1
            now_busy, now_everything = busy_seconds()
            if now_busy - busy < 0.1 * (now_everything - everything):
                return


def time_row(engines, row, rounds, seconds):
    """One run of a row: rounds of the engines in turn, each round in the other order."""
    names = [name for name in engines if name not in row["refused"]]
    own = lambda: sum(engine.processor_seconds() for engine in engines.values())
    run, started = {name: [] for name in names}, None
    for i in range(-1, rounds):  # the first round compiles and warms up, and does not count
        for name in names if i % 2 else reversed(names):
            answer = engines[name].ask(model=row["model"], step=row["step"], seconds=seconds if i >= 0 else 0)
            if "error" in answer:
                raise SystemExit(f"{name}: {answer['error']}")
            row["launches"] = answer.get("launches", row.get("launches"))
            if i >= 0:
                run[name].append(answer["seconds"])
        if i < 0:
            started = *busy_seconds(), own()
    busy, everything = busy_seconds()
    others = (busy - started[0] - (own() - started[2])) / (everything - started[1])
    row["runs"].append({"seconds": run, "others": max(0.0, round(others, 3))})


def microseconds(row, name):
    return 1e6 * statistics.median(x for run in row["runs"] for x in run["seconds"][name])


def ratios(row, name):
    return [statistics.median(run["seconds"][name]) / statistics.median(run["seconds"]["kantor"]) for run in row["runs"]]


def table(result):
    peers = list(result["peers"])
    lines = ["| model | step | launches | Kantor | " + " | ".join(
        f"{result['peers'][name]['name']} | ratio" for name in peers) + " |", "|---" * (4 + 2 * len(peers)) + "|"]
    for row in result["rows"]:
        cells = [row["model"], row["step"], str(row.get("launches")), f"{microseconds(row, 'kantor'):,.0f} us"]
        for name in peers:
            if name in row["refused"]:
                cells += ["-", "-"]
                continue
            found = [f"{x:.2f}" for x in sorted(ratios(row, name))]
            cells += [f"{microseconds(row, name):,.0f} us", found[0] if found[0] == found[-1] else f"{found[0]} to {found[-1]}"]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"\n{row['model']}, {row['step']}: {name} not timed: {why}" for row in result["rows"]
              for name, why in row["refused"].items()]
    return "\n".join(lines)


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} processors"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="as kantor bench steps takes them (default: %(default)s)")
    parser.add_argument("--step", action="append", choices=STEPS, help="may be given several times (default: all)")
    parser.add_argument("--kantor", default=str(ROOT / "build" / "release" / "tools" / "kantor"), help="the program")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--peers", type=lambda text: text.split(","), help=f"of {', '.join(PEERS)}, joined by commas "
                        "(default: torch,jax on the CPU, torch-graph,jax on a GPU)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the CPU (default: all)")
    parser.add_argument("--rounds", type=int, default=9, help="of each run (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of a round; at least one step (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=2, help="of all rows (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait at most, in all, for moments in which other "
                        "programs do little (default: %(default)s)")
    parser.add_argument("--tolerance", type=float, default=2e-3, help="of gradients against float64 (default: %(default)s)")
    parser.add_argument("--out", help="also write all figures into this file, as JSON")
    arguments = parser.parse_args()
    arguments.peers = arguments.peers or ["torch" if arguments.device == "cpu" else "torch-graph", "jax"]
    unknown = set(arguments.peers) - set(PEERS)
    if unknown:
        parser.error(f"unknown peers {', '.join(sorted(unknown))}; known are {', '.join(PEERS)}")
    # JAX takes as many threads as it has processors.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:arguments.threads])
    engines, reference = start_engines(arguments)
    rows = [{"model": model, "step": step, "errors": {}, "refused": {}, "runs": []}
            for model in arguments.models for step in arguments.step or STEPS]
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            check(engines, reference, row, pathlib.Path(folder), arguments.tolerance)
            print(f"{row['model']}, {row['step']}: {row['errors']} {row['refused'] or ''}", file=sys.stderr, flush=True)
    if any("kantor" in row["refused"] for row in rows):
        raise SystemExit("Kantor's own gradients are wrong: nothing is timed")
    reference.process.stdin.close()
    result = {"device": arguments.device, "processor": processor(), "threads": arguments.threads,
              "tolerance": arguments.tolerance, "seconds": arguments.seconds, "kantor": engines["kantor"].context,
              "peers": {name: engines[name].context for name in arguments.peers}, "rows": rows}
    patience = Patience(arguments.wait)
    for run in range(arguments.runs):
        for row in rows:
            patience.wait()
            time_row(engines, row, arguments.rounds, arguments.seconds)
            if arguments.out:  # after each row: a run that is stopped keeps what it has measured
                pathlib.Path(arguments.out).write_text(json.dumps(result, indent=1) + "\n")
            print(f"run {run + 1}: {row['model']}, {row['step']}", file=sys.stderr, flush=True)
    print(table(result))


if __name__ == "__main__":
    main()
