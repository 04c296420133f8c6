#!/usr/bin/env python3
"""How much the ratio of one start of `kantor bench ab` varies, by the length of a round and by how a block's rounds become a ratio.

Both programs are the same (bench/ab_trial.cpp), so every ratio should be 1. Each start is 0.12 s long, on one processor. The
defaults of `kantor bench ab` come from this; a busy machine tells more than a quiet one.

Usage: bench/ab_design.py --build build/release --out bench/results/ab-trials/design-NAME.json"""
import argparse
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys

from ab_trials import ROOT, busy, processor, units_of

ROUNDS = (0.0005, 0.001, 0.002, 0.004)


def middle(values):
    return statistics.median(list(values))


# Of a start's blocks, each (two rounds of A, two of B): the logarithm of the ratio.
ESTIMATES = {
    "faster round of B to faster round of A, median of blocks": lambda blocks: middle(math.log(min(b) / min(a)) for a, b in blocks),
    "geometric means of both rounds, median of blocks": lambda blocks: middle(0.5 * math.log(b[0] * b[1] / (a[0] * a[1])) for a, b in blocks),
    "median of all rounds": lambda blocks: math.log(middle(x for _, b in blocks for x in b) / middle(x for a, _ in blocks for x in a)),
    "fastest of all rounds": lambda blocks: math.log(min(x for _, b in blocks for x in b) / min(x for a, _ in blocks for x in a)),
}


class Server:
    def __init__(self, program, units, cpu):
        self.process = subprocess.Popen(["taskset", "-c", str(cpu), program, "--units", str(units), "bench", "serve", "trial", "--threads", "1"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, replays, warm):
        print(json.dumps({"row": "planted, trial, float32", "replays": replays, "warm": warm}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())["seconds"]

    def end(self):
        self.process.kill()
        self.process.wait()


def one_start(program, units, cpu, round_seconds, coin):
    replays = max(1, round(round_seconds / 50e-6))
    warm, blocks = max(1, replays // 5), []
    a, b = Server(program, units, cpu), Server(program, units, cpu)
    for server in (a, b):
        server.seconds(replays, warm)
    for _ in range(max(3, round(0.12 / (4 * 1.2 * replays * 50e-6)))):
        first, second = (a, b) if coin.random() < 0.5 else (b, a)
        times = {a: [], b: []}
        for server in (first, second, second, first):
            times[server].append(server.seconds(replays, warm))
        blocks.append((times[a], times[b]))
    a.end()
    b.end()
    return blocks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--starts", type=int, default=48, help="of each length of a round (default: %(default)s)")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    program = str((ROOT / arguments.build).resolve() / "bench/kantor_ab_trial")
    units, _ = units_of(program, 50e-6)
    coin, found = random.Random(1), {length: [] for length in ROUNDS}
    was_busy, was_all = busy()
    for start in range(arguments.starts):  # the lengths take turns, so that other load meets all of them
        for length in ROUNDS:
            found[length].append(one_start(program, units, start % 2, length, coin))
    now_busy, now_all = busy()
    result = {"schema": "kantor-ab-design", "version": 1, "processor": processor(), "units": units, "starts": arguments.starts,
              "busy": round((now_busy - was_busy) / max(1, now_all - was_all), 3), "rows": []}
    for length, starts in found.items():
        for name, estimate in ESTIMATES.items():
            values = sorted(estimate(blocks) for blocks in starts)
            spread = 1.4826 * middle(abs(v - middle(values)) for v in values)
            result["rows"].append({"round_seconds": length, "blocks": len(starts[0]), "estimate": name, "spread": spread,
                                   "lowest": values[0], "highest": values[-1], "values": [round(v, 5) for v in values]})
            print(f"{1e3 * length:4g} ms, {name:<57}: spread {100 * spread:5.2f} %, {100 * values[0]:+6.2f} to {100 * values[-1]:+6.2f} %")
    if arguments.out:
        pathlib.Path(arguments.out).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
