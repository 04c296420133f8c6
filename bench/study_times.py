#!/usr/bin/env python3
"""Computes what the trainings of the studies would take on a GPU, one after the other and by recorded steps, from steps that were
measured there, and prints a table in Markdown. Runs of which no step was measured are counted, and no time is made up for them.

Usage: bench/study_times.py PROGRAM [--rows FILE] [--check PAGE]
--rows: of bench/results, default those of the H100; --check: print nothing, and fail where the page has another table.
"""
import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def measured(path):
    """Microseconds of a step by what it is and of which network, as the rows name them."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(row["what"], row["size"]): row["us"] for row in rows if "us" in row}


def seconds(settings, rates):
    """Of one run, or None where no step of it was measured."""
    config = settings.get("config", {})
    width, batch, constraint = config.get("critic.width"), config.get("train.batch"), config.get("critic.constraint")
    if config.get("critic.depth", 3) != 3 or config.get("data.kind") in ("sequences", "fashion-mnist", "mnist"):
        return None
    if "train.steps" in config:  # five updates of the critic and one of the generator
        size = {(128, 256): "ring8", (512, 256): "ring8-paper"}.get((width, batch))
        steps, rate = config["train.steps"], rates.get((f"trainer 5+1 iteration, wall, {constraint}", size))
    else:
        steps = settings.get("steps", settings.get("critic_steps"))
        rate = rates.get((f"critic step, {constraint}", f"MLP {width} B{batch}"))
    return steps * rate * 1e-6 if steps and rate else None


def runs(program, *options):
    """The settings of all runs, by their study."""
    command = [program, "study", "all", "--list", *options]
    listed = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        run = json.loads(line)
        listed.setdefault(run["study"], []).append(run["settings"])
    return listed


def cells(settings, rates):
    """The time of one study's runs, and how many of them are in it."""
    times = [seconds(one, rates) for one in settings]
    known = [time for time in times if time is not None]
    if not known:
        return f"- | 0 of {len(times)}"
    total = sum(known)
    text = f"{total:.2g} s" if total < 10 else f"{total:.0f} s" if total < 600 else f"{total / 60:.0f} min"
    return f"{text} | {len(known)} of {len(times)}"


def table(program, rates):
    lines = ["| study | `--quick` | runs counted | full settings | runs counted |", "|---|---|---|---|---|"]
    quick, full = runs(program, "--quick"), runs(program)
    for study, settings in quick.items():
        lines.append(f"| `{study}` | {cells(settings, rates)} | {cells(full[study], rates)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows", type=pathlib.Path, default=ROOT / "bench/results/h100-2026-11-28/probe_own.jsonl")
    parser.add_argument("--check", type=pathlib.Path)
    arguments = parser.parse_args()
    found = table(arguments.program, measured(arguments.rows))
    if arguments.check is None:
        print(found)
    elif found not in arguments.check.read_text():
        print(f"{arguments.check} does not have the table that follows; put it there:\n{found}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
