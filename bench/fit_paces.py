#!/usr/bin/env python3
"""Fits the model by which the tile engine chooses its plans (kernels/products/plan.h) to timed runs, and writes its
constants (kernels/products/paces.h).

Usage: bench/fit_paces.py RUNS.jsonl ... [--write]    RUNS: what `kantor bench products --device cuda` printed

Least squares of the logarithm of time, in which a plan counts the less the slower it is than the best of its product:
the choice is among the fast ones. Plans with nearly the same predicted time are then told apart by a random search,
with a fixed seed, for constants near these whose choice loses less. Prints how far the model is from the runs, and what
its choice loses to the best run, with the constants that stand in the file and with the fitted ones. bfloat16 has the
paces of TF32; its runs are not used."""
import argparse
import collections
import json
import math
import pathlib
import random
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACES = ROOT / "kernels" / "products" / "paces.h"
ARITHMETICS = ["float32", "three_tf32", "tf32"]
FIRST_OF_WARPGROUPS = 4  # of kernels/products/tiling.h
SPLITS = ["collect_start", "collect_rate", "add_start", "add_rate"]
GUESS = {"float32": (150e3, 0.5, 3.0), "three_tf32": (200e3, 0.8, 3.0), "tf32": (400e3, 0.4, 4.0)}


def pieces(a, b):
    return -(-a // b)


class Run:
    """A timed plan, as the model sees it."""

    def __init__(self, line, multiprocessors):
        rows, columns, depth = line["tile"]
        self.product = (line["op"], line["shape"])
        self.arithmetic, self.tiling, self.splits = line["arithmetic"], line["tiling"], line["splits"]
        self.second, self.time, self.blocks = line["second_launch"], line["microseconds"], line["blocks"]
        tiles = pieces(line["m"], rows) * pieces(line["n"], columns) * line["parts"]
        self.stages = pieces(pieces(line["k"], depth), self.splits)
        self.waves, rest = divmod(tiles * self.splits, multiprocessors * self.blocks)
        self.rest = pieces(rest, multiprocessors)  # blocks a multiprocessor in the last wave
        self.stage = rows * columns * depth
        self.added = 4.0 * line["out"] * (2 * self.splits + 1)
        self.collected = self.splits * rows * columns * pieces(tiles, multiprocessors)
        self.weight = 1.0

    def predicted(self, pace, splits):
        """predicted_time of kernels/products/plan.h."""
        rate, latency, start = pace
        time = self.waves * (start + self.stages * max(latency, self.blocks * self.stage / rate))
        if self.rest:
            time += start + self.stages * max(latency, self.rest * self.stage / rate)
        if self.splits == 1:
            return time
        collect_start, collect_rate, add_start, add_rate = splits
        if self.second:
            return time + add_start + self.added / add_rate
        return time + collect_start + self.collected / collect_rate


def read_runs(files):
    runs, sources = [], []
    for file in files:
        multiprocessors = None
        for text in file.read_text().splitlines():
            line = json.loads(text)
            if "multiprocessors" in line:
                if line["simulated"]:
                    sys.exit(f"{file}: these are times of the simulator, which say nothing of a GPU")
                multiprocessors = line["multiprocessors"]
                inside = ROOT in file.resolve().parents
                sources.append((line["hardware"].split(",")[0], file.resolve().relative_to(ROOT) if inside else file.name))
            elif line["kernel"] == "tiles" and line["arithmetic"] in ARITHMETICS:
                if multiprocessors is None:
                    sys.exit(f"{file}: its first line should say on what it ran, as `kantor bench products` prints it")
                runs.append(Run(line, multiprocessors))
    if not runs:
        sys.exit("no run of the tile engine in these files")
    for group in by_product(runs).values():
        best = min(run.time for run in group)
        for run in group:
            run.weight = (best / run.time) ** 2
    return runs, sources


def by_product(runs):
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run.product, run.arithmetic].append(run)
    return groups


class Model:
    """Paces by (arithmetic, tiling), and the constants of splits."""

    def __init__(self, paces, splits):
        self.paces, self.splits = dict(paces), tuple(splits)

    def predicted(self, run):
        return run.predicted(self.paces[run.arithmetic, run.tiling], self.splits)

    def rms(self, runs):
        return math.sqrt(sum(math.log(self.predicted(run) / run.time) ** 2 for run in runs) / len(runs))

    def regrets(self, runs):
        """What the choice loses to the best run of each product, as a part of that run's time."""
        return [min(group, key=self.predicted).time / min(run.time for run in group) - 1
                for group in by_product(runs).values()]


def read_model(text):
    paces = {}
    for arithmetic in ARITHMETICS:
        table = re.search(rf"\b{arithmetic}_paces\[\] = {{(.*?)}};", text, re.S).group(1)
        for tiling, row in enumerate(re.findall(r"{([^{}]*)}", table)):
            paces[arithmetic, tiling] = tuple(float(number) for number in row.split(","))
    return Model(paces, [float(re.search(rf"\b{name} = ([0-9.]+)", text).group(1)) for name in SPLITS])


def minimize(loss, start, rounds=400):
    """Nelder and Mead's simplex, in the logarithms of positive numbers."""
    points = [[math.log(x) for x in start]]
    points += [[x + (0.3 if i == j else 0) for j, x in enumerate(points[0])] for i in range(len(start))]
    value = lambda point: loss([math.exp(x) for x in point])
    simplex = sorted((value(point), point) for point in points)
    for _ in range(rounds):
        if simplex[-1][0] - simplex[0][0] < 1e-9 * simplex[0][0]:
            break
        worst_value, worst = simplex[-1]
        centre = [sum(point[i] for _, point in simplex[:-1]) / len(start) for i in range(len(start))]
        toward = lambda step: [c + step * (w - c) for c, w in zip(centre, worst)]
        best = min(((value(point), point) for point in map(toward, (-1.0, -2.0, 0.5, -0.5))))
        if best[0] < worst_value:
            simplex[-1] = best
        else:
            first = simplex[0][1]
            shrunk = [[(a + b) / 2 for a, b in zip(first, point)] for _, point in simplex[1:]]
            simplex[1:] = [(value(point), point) for point in shrunk]
        simplex.sort()
    return tuple(math.exp(x) for x in simplex[0][1])


def fit(runs, present):
    """The paces of each tiling and the constants of splits, in turn."""
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run.arithmetic, run.tiling].append(run)
    split = [run for run in runs if run.splits > 1]
    model = Model({**present.paces, **{key: GUESS[key[0]] for key in groups}}, (1.5, 50e3, 1.0, 1.5e6))

    def error(of, pace, splits):
        return sum(run.weight * math.log(run.predicted(pace(run), splits) / run.time) ** 2 for run in of)

    for _ in range(8):
        for key, group in groups.items():
            model.paces[key] = minimize(lambda pace: error(group, lambda run: pace, model.splits), model.paces[key])
        if split:
            known = lambda run: model.paces[run.arithmetic, run.tiling]
            model.splits = minimize(lambda splits: error(split, known, splits), model.splits)
    improve_choice(model, list(groups), runs)
    return model


def improve_choice(model, tilings, runs, tries=4000):
    """Accepts small changes of a tiling's constants that lessen the error and the loss of the choice together."""
    weights = sum(run.weight for run in runs)
    groups = list(by_product(runs).values())
    best_times = [min(run.time for run in group) for group in groups]

    def score(paces):
        error = loss = 0
        for group, best in zip(groups, best_times):
            times = [run.predicted(paces[run.arithmetic, run.tiling], model.splits) for run in group]
            error += sum(run.weight * math.log(time / run.time) ** 2 for run, time in zip(group, times))
            loss += math.log(group[times.index(min(times))].time / best)
        return error / weights + loss / len(groups)

    generator, least = random.Random(1), score(model.paces)
    for _ in range(tries):
        key = generator.choice(tilings)
        paces = {**model.paces, key: tuple(x * math.exp(generator.gauss(0, 0.03)) for x in model.paces[key])}
        if (value := score(paces)) < least:
            model.paces, least = paces, value


def assume_others(model, timed):
    """Tilings of three products that were not timed get the pace of TF32 at the ratio of the tiling above. Gives their
    numbers."""
    assumed = []
    for key, (rate, _, _) in model.paces.items():
        arithmetic, tiling = key
        above, twin, twin_above = (arithmetic, tiling - 1), ("tf32", tiling), ("tf32", tiling - 1)
        if arithmetic == "three_tf32" and rate > 0 and key not in timed and {above, twin, twin_above} <= timed:
            of = zip(model.paces[twin], model.paces[above], model.paces[twin_above])
            model.paces[key] = tuple(a * b / c for a, b, c in of)
            assumed.append(tiling)
    return assumed


def report(name, model, runs):
    print(f"{name}:")
    for arithmetic in ARITHMETICS:
        of = [run for run in runs if run.arithmetic == arithmetic]
        if of:
            regrets = model.regrets(of)
            print(f"  {arithmetic:<11} {len(of):5} runs of {len(regrets):3} products: times within {model.rms(of):5.1%} "
                  f"(rms); the choice loses {sum(regrets) / len(regrets):5.1%} on average, {max(regrets):5.1%} at most")


def number(x):
    return f"{x:.0f}" if x >= 1000 or x == 0 else f"{x:.2f}"


def wrapped(text, indent):
    return "\n".join(textwrap.wrap(text, 120, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False))


def of_prototype(model, timed):
    """Tilings of TF32 by warpgroups that were not timed keep what a prototype's runs gave. Gives their numbers."""
    return [tiling for arithmetic, tiling in sorted(model.paces)
            if arithmetic == "tf32" and tiling >= FIRST_OF_WARPGROUPS and (arithmetic, tiling) not in timed]


def story(model, runs, sources, assumed, kept):
    """The comment of the constants: where they come from, and how good they are."""
    names, errors, losses = [], [], []
    for arithmetic in ARITHMETICS:
        if of := [run for run in runs if run.arithmetic == arithmetic]:
            regrets = model.regrets(of)
            names.append(arithmetic)
            errors.append(f"{model.rms(of):.0%}")
            losses.append(f"{sum(regrets) / len(regrets):.0%} (at most {max(regrets):.0%})")
    text = (f"Fitted by bench/fit_paces.py to runs on {', '.join(f'{card} ({file})' for card, file in sources)}. The "
            f"times of {', '.join(names)} are within {', '.join(errors)} (rms), and the choice loses {', '.join(losses)} to "
            "the best run of each product.")
    if assumed:
        text += (f" Tiling {', '.join(map(str, assumed))} of three_tf32 was not timed: it has the pace of tf32 at the "
                 "ratio of the tiling above.")
    if kept:
        text += (f" Tilings {' and '.join(map(str, kept))} of tf32, by warpgroups, were not timed: they have the paces of a "
                 "prototype's kernels of as many products a stage on the same card, which packed their right operand in a "
                 "launch before (fitted to 7 and 8 of its runs, not split; rms 5% and 7%).")
    return text + " bfloat16 has the paces of tf32."


def header(model, comment):
    """The text of paces.h."""
    tables = ""
    for arithmetic in ARITHMETICS:
        paces = [pace for (of, _), pace in sorted(model.paces.items()) if of == arithmetic]
        rows = ["{" + ",\0".join(map(number, pace)) + "}" for pace in paces]  # \0: a space at which no line breaks
        tables += f"inline constexpr Pace {arithmetic}_paces[] = {{\n"
        tables += wrapped(", ".join(rows), "    ").replace("\0", " ") + "};\n"
    collect_start, collect_rate, add_start, add_rate = map(number, model.splits)
    splits = (f"Splits: the last block of a tile adds the others' tiles in microseconds {collect_start} + floats / "
              f"{collect_rate}; a second launch takes {add_start} + bytes / {add_rate}.")
    constants = ", ".join(f"{name} = {number(x)}" for name, x in zip(SPLITS, model.splits))
    return f"""// How fast each tiling is: the constants of the model by which kernels/products/plan.h chooses. bench/fit_paces.py
// writes this file from timed runs.
#pragma once

namespace kantor {{

/// A block's time in microseconds is start + stages max(latency, r rows columns depth / rate), where r blocks share a
/// multiprocessor; rate: products a microsecond of a full multiprocessor.
struct Pace {{
  double rate, latency, start;
}};

{wrapped(comment, "// ")}
{tables}
{wrapped(splits, "/// ")}
inline constexpr double {constants};

}}  // namespace kantor
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path, metavar="RUNS.jsonl")
    parser.add_argument("--write", action="store_true", help="write kernels/products/paces.h")
    arguments = parser.parse_args()
    runs, sources = read_runs(arguments.runs)
    present = read_model(PACES.read_text())
    model = fit(runs, present)
    timed = {(run.arithmetic, run.tiling) for run in runs}
    assumed, kept = assume_others(model, timed), of_prototype(model, timed)
    model = read_model(header(model, ""))  # with the digits that are written
    report("with the constants of kernels/products/paces.h", present, runs)
    report("with the fitted constants", model, runs)
    text = header(model, story(model, runs, sources, assumed, kept))
    if arguments.write:
        PACES.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
