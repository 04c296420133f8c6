#!/usr/bin/env python3
"""How often `kantor bench ab` is right, where the answer is known.

Two programs serve one kernel of about 50 us on one thread of the CPU (bench/ab_trial.cpp). In half of the trials both are the
same ("same" is right), in the others the second one does 5 % more of the same work ("slower" is right). The trials of both
kinds take turns. All of them, with their intervals, are written as JSON.

Usage, on a machine that does nothing else (10 minutes):
  bench/ab_trials.py --build build/release --out bench/results/ab-trials/NAME.json
Exit codes: 0 at least 99 % and 95 % are right, 1 not."""
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

ROOT = pathlib.Path(__file__).resolve().parent.parent


def ask(program, units, requests):
    """The answers of a program that serves."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([program, "--units", str(units), "bench", "serve", "trial", "--threads", "1"], input=lines,
                          capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if wrong := [answer["error"] for answer in answers if "error" in answer]:
        raise SystemExit(f"{program}: {wrong[0]}")
    return answers


def units_of(program, seconds):
    """Units of work that take about that long, divisible by 20, so that 5 % more of them is a whole number."""
    tried = 400
    answers = ask(program, tried, [{"row": "planted, trial, float32", "replays": 50, "warm": 50}] * 40)
    once = min(answer["seconds"] for answer in answers)
    return max(20, round(tried * seconds / once / 20) * 20), once


def wrapper(folder, name, program, units):
    """A program that needs no arguments of its own, as `kantor bench ab` starts it."""
    path = pathlib.Path(folder) / name
    path.write_text(f'#!/bin/sh\nexec "{program}" --units {units} "$@"\n')
    path.chmod(0o755)
    return str(path)


def trial(kantor, a, b, seed, arguments, folder):
    out = pathlib.Path(folder) / "trial.json"
    command = [kantor, "bench", "ab", a, b, "--suite", "trial", "--threads", "1", "--seed", str(seed), "--json", str(out),
               "--seconds", str(arguments.seconds), "--starts", str(arguments.starts), "--least", str(arguments.least)]
    began = time.time()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1) or not out.exists():
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    result = json.loads(out.read_text())
    out.unlink()
    row = result["rows"][0]
    found = {"verdict": row["verdict"], "ratio": row["ratio"], "low": row["low"], "high": row["high"], "a": row["a"],
             "b": row["b"], "ratios": [round(ratio, 5) for ratio in row["ratios"]], "blocks": row["blocks"], "replays": row["replays"],
             "steal": round(result["load"]["steal"], 4), "wall": round(time.time() - began, 2)}
    return found, result


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} processors"


def busy():
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields[i] for i in (0, 1, 2, 5, 6)), sum(fields)


def summary(trials, right):
    counts = {verdict: sum(t["verdict"] == verdict for t in trials) for verdict in ("same", "faster", "slower", "unclear")}
    ratios = [t["ratio"] for t in trials]
    return {"trials": len(trials), "right": counts[right], **counts, "median_ratio": statistics.median(ratios),
            "lowest_ratio": min(ratios), "highest_ratio": max(ratios),
            "median_width": statistics.median(t["high"] - t["low"] for t in trials)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="folder of the built project (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=100, help="of each kind (default: %(default)s)")
    parser.add_argument("--planted", type=float, default=0.05, help="more work of the second program (default: %(default)s)")
    parser.add_argument("--kernel", type=float, default=50e-6, help="seconds of the kernel (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each trial, as of kantor bench ab (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=18, help="as of kantor bench ab (default: %(default)s)")
    parser.add_argument("--least", type=float, default=0.025, help="as of kantor bench ab (default: %(default)s)")
    parser.add_argument("--out", help="the file to write")
    arguments = parser.parse_args()
    build = (ROOT / arguments.build).resolve()
    kantor, program = str(build / "tools/kantor"), str(build / "bench/kantor_ab_trial")
    units, once = units_of(program, arguments.kernel)
    more = round(units * (1 + arguments.planted))
    result = {"schema": "kantor-ab-trials", "version": 1, "time": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
              "processor": processor(), "units": [units, more], "kernel_seconds": units / 400 * once,
              "settings": {key: getattr(arguments, key) for key in ("trials", "planted", "seconds", "starts", "least")},
              "same": [], "planted": []}
    began, (was_busy, was_all) = time.time(), busy()
    with tempfile.TemporaryDirectory() as folder:
        a, b, slow = (wrapper(folder, name, program, n) for name, n in (("a", units), ("b", units), ("slow", more)))
        for i in range(arguments.trials):
            for kind, other in (("same", b), ("planted", slow)):
                found, whole = trial(kantor, a, other, i + 1, arguments, folder)
                result[kind].append(found)
                result.setdefault("context", whole["contexts"][0])
                print(f"{i + 1} {kind}: {found['verdict']} {found['ratio']:.4f} [{found['low']:.4f}, {found['high']:.4f}] {found['wall']} s",
                      file=sys.stderr, flush=True)
    now_busy, now_all = busy()
    result.update({"minutes": round((time.time() - began) / 60, 2), "busy": round((now_busy - was_busy) / max(1, now_all - was_all), 3),
                   "same_summary": summary(result["same"], "same"), "planted_summary": summary(result["planted"], "slower")})
    if arguments.out:
        out = pathlib.Path(arguments.out)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n")
    for name, kind, right in (("the same program", "same", "same"), (f"{100 * arguments.planted:g} % more work", "planted", "slower")):
        s = result[f"{kind}_summary"]
        print(f"{name}: {s['right']} of {s['trials']} '{right}' (same {s['same']}, faster {s['faster']}, slower {s['slower']}, unclear {s['unclear']}); "
              f"ratio {s['median_ratio']:.4f}, {s['lowest_ratio']:.4f} to {s['highest_ratio']:.4f}; interval {100 * s['median_width']:.2f} % wide")
    print(f"{result['minutes']} minutes; kernel {1e6 * result['kernel_seconds']:.1f} us; the processors were busy {100 * result['busy']:.0f} % of the time")
    enough = result["same_summary"]["right"] >= 0.99 * arguments.trials and result["planted_summary"]["right"] >= 0.95 * arguments.trials
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
