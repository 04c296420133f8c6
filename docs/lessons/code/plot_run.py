"""Draws columns of a run's metrics.jsonl, and prints the mean of each over its last five values.

    python3 docs/lessons/code/plot_run.py RUN[:LABEL] ... --column KEY[:LABEL] ... --title T --unit U --figure FILE.svg
"""
import argparse
import json
import pathlib

from chart import Chart

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("runs", nargs="+")
parser.add_argument("--column", action="append", required=True)
parser.add_argument("--title", required=True)
parser.add_argument("--unit", required=True)
parser.add_argument("--log", action="store_true")
parser.add_argument("--mark", help="VALUE:TEXT, a dashed line")
parser.add_argument("--figure", required=True)
arguments = parser.parse_args()
chart = Chart(arguments.title, "step (generator updates)", arguments.unit, log_y=arguments.log)
for run in arguments.runs:
    folder, _, title = run.partition(":")
    lines = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()]
    for column in arguments.column:
        key, _, label = column.partition(":")
        name = " ".join(word for word in (title, label) if word)
        pairs = [(line["step"], line[key]) for line in lines if key in line]
        chart.line(name, *zip(*pairs))
        last = [value for _, value in pairs[-5:]]
        print(f"{name}, mean of the last five: {sum(last) / len(last):.4g}")
if arguments.mark:
    value, _, text = arguments.mark.partition(":")
    chart.mark(text, y=float(value))
chart.write(arguments.figure)
