#!/usr/bin/env python3
"""A peer for peers_test.py, which needs neither PyTorch nor JAX: it answers with what must come out, rounded to float32.

Usage: numpy_peer.py WRONG NONE FAILS [OPTION...]: rows whose name and numbers hold WRONG come out wrong, it has none that hold
NONE, and fails in the second run of those that hold FAILS."""
import collections
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/peers"))
from cases import Gap  # noqa: E402
from worker import serve  # noqa: E402


def right_results(case):
    """Of a case, in float32, its random numbers drawn by NumPy."""
    numbers = np.random.default_rng(3)
    drawn = {"philox: uniform": numbers.random, "philox: normal": numbers.standard_normal, "philox: integers": lambda size: numbers.integers(0, 1000, size)}
    if case.name in drawn:
        return {"out": drawn[case.name](case.numbers)}
    x = {name: value.astype(np.float64) for name, value in case.given.items()}
    found = {"eps": numbers.random((case.numbers[0], 1)).astype(np.float32)}
    return {name: np.asarray(values, np.float32) for name, (values, _) in case.expected(x, found).items()}


class Kernel:
    made = collections.Counter()

    def __init__(self, case, wrong, none, fails):
        row = f"{case.name} {case.numbers}"
        if none in row:
            raise Gap("NumPy has no such kernel")
        Kernel.made[row] += 1
        self.case, self.wrong, self.fails = case, wrong in row, fails in row and Kernel.made[row] == 3  # after the check and a run

    def results(self):
        return {name: values + 1 if self.wrong else values for name, values in right_results(self.case).items()}

    def run(self, steps):
        if self.fails:
            raise MemoryError("no more of it")
        time.sleep(1e-5 * steps)


if __name__ == "__main__":
    serve({"name": "NumPy 1, eager", "hardware": ""}, None, lambda case: Kernel(case, *sys.argv[1:4]))
