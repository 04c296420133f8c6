#!/usr/bin/env python3
"""Whole training steps in Kantor, PyTorch and JAX: gradients checked, then timed in alternating rounds.

Every engine is a process of its own, and none is timed whose gradients differ from PyTorch's in float64. Prints a table
in Markdown; a ratio is the peer's time over Kantor's, from the lowest to the highest of the runs. README.md says more.
"""
import argparse
import pathlib
import sys
import tempfile

import numpy as np

import rounds
import tables
from worker import read_tensors

MODELS = ["mlp:64:256", "mlp:128:256", "mlp:512:256", "dcgan:16:64", "dcgan:64:64"]
STEPS = ["clip", "penalty", "generator"]


def start_engines(arguments):
    threads = f"--threads={arguments.threads}"
    engines = {"kantor": rounds.Engine([arguments.kantor, "bench", "steps", "--serve", "--device", arguments.device, threads]),
               **rounds.start_peers(arguments)}
    return engines, rounds.Engine([sys.executable, str(rounds.HERE / "torch_peer.py"), "--dtype=float64", threads])


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
        rounds.judge(row, name, difference(read_tensors(file)[0], expected), tolerance, "gradients")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="as kantor bench steps takes them (default: %(default)s)")
    parser.add_argument("--step", action="append", choices=STEPS, help="may be given several times (default: all)")
    rounds.add_options(parser, "all figures into this file")
    parser.add_argument("--tolerance", type=float, default=2e-3, help="of gradients against float64 (default: %(default)s)")
    arguments = rounds.checked(parser)
    engines, reference = start_engines(arguments)
    rows = [{"model": model, "step": step, "errors": {}, "refused": {}, "runs": []}
            for model in arguments.models for step in arguments.step or STEPS]
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            check(engines, reference, row, pathlib.Path(folder), arguments.tolerance)
            print(f"{row['model']}, {row['step']}: {row['errors']} {row['refused'] or ''}", file=sys.stderr, flush=True)
    if any("kantor" in row["refused"] for row in rows):
        raise SystemExit("Kantor's own gradients are wrong: nothing is timed")
    reference.end()
    result = {"device": arguments.device, "processor": rounds.processor(), "threads": arguments.threads,
              "tolerance": arguments.tolerance, "seconds": arguments.seconds, "kantor": engines["kantor"].context,
              "peers": {name: engines[name].context for name in arguments.peers}, "rows": rows}
    rounds.time_rows(engines, result, arguments, lambda row: f"{row['model']}, {row['step']}", arguments.out)
    columns = {**tables.STEP_COLUMNS, "launches": lambda row: str(row.get("launches"))}
    print(tables.beside(result["peers"], rows, columns, tables.in_microseconds))
    print(tables.not_timed(rows, tables.STEP_COLUMNS))


if __name__ == "__main__":
    main()
