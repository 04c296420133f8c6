#!/usr/bin/env python3
"""Prints the table of docs/studies.md, "Full settings beside the published", from the runs in this folder.

Usage: bench/results/benchmark-w1/table.py [RUNS]    RUNS: a folder of runs, default the one beside this file
"""
import json
import math
import pathlib
import statistics
import sys

here = pathlib.Path(__file__).resolve().parent
published = json.loads((here / "../../../models/data/w1benchmark/published.json").read_text())
methods = [("clip", "clipping", "wgan"), ("penalty", "penalty", "wgan-gp"), ("one-sided", "one-sided", "wgan-lp"),
           ("spectral-detached", "spectral, sigma a constant", "sn-gan"), ("groupsort", "GroupSort, whole layers", "sort-out"),
           ("spectral", "spectral", None)]
figures = ["w1", "cosine", "squared_gradient_error"]
student = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # t of 95 % by the number of seeds


def measured(found, figure):
    """A row's values of a figure, and whether they are measured as the authors' code does: against the optimum in
    float32, from points of Q apart from those of P. Runs from before these were measured lack them; a row takes one
    kind for all its seeds."""
    theirs = figure + ("_independent" if figure == "w1" else "_float32")
    same = all(theirs in numbers for numbers in found)
    return [numbers[theirs if same else figure] for numbers in found], same


def reads(value):
    return f"{value:.3g}"


def inside(values, value):
    """Whether one more run would be expected there: the prediction interval of 95 %."""
    n = len(values)
    reach = student[n] * statistics.stdev(values) * math.sqrt(1 + 1 / n)
    return abs(value - statistics.mean(values)) <= reach


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "runs"
    runs = {path.parent.name: json.loads(path.read_text())["numbers"] for path in folder.glob("*/result.json")}
    compared = {}
    print("| pair | critic | seeds | `w1`: ours, published | `cosine` | `squared_gradient_error` |\n|---|---|---|---|---|---|")
    for pair, rows in published.items():
        print(f"| {pair} | truth | | {reads(rows['true']['w1'])} | 1 | 0 |")
        for arm, label, name in methods:
            found = [numbers for run, numbers in sorted(runs.items()) if run.rpartition("-")[0] == f"{pair}-{arm}"]
            if not found:
                continue
            cells = []
            for figure in figures:
                values, same = measured(found, figure)
                cell = reads(statistics.mean(values)) + ("" if same else " †")
                if len(values) > 1:
                    cell += f" [{reads(min(values))}, {reads(max(values))}]"
                if name:
                    cell += f", {reads(rows[name][figure])}"
                    if len(values) > 2:
                        hit = inside(values, rows[name][figure])
                        compared.setdefault(label, []).append((hit, same))
                        cell += "" if hit else " *"
                cells.append(cell)
            print(f"| | {label} | {len(found)} | {' | '.join(cells)} |")
    for label, hits in compared.items():
        print(f"{label}: {sum(hit for hit, _ in hits)} of {len(hits)} published figures inside", file=sys.stderr)
    alike = [hit for hits in compared.values() for hit, same in hits if same]
    print(f"measured as the authors do: {sum(alike)} of {len(alike)}", file=sys.stderr)


if __name__ == "__main__":
    main()
