#!/usr/bin/env python3
"""What can be tested of bench/peers without PyTorch and JAX, which CI does not install: every row of every suite has a case in
each library, or the reason why not; the formulas in float64 against others, and that they find planted errors; and a comparison
from the program to the table and the page, with a peer that is wrong in one row, lacks another, and fails in a third.

Usage: peers_test.py --kantor PROGRAM     Exit codes: 0 all is well, 1 not."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE.parents[1] / "bench/peers"
sys.path[:0] = [str(PEERS), str(HERE)]
import rounds  # noqa: E402
import tables  # noqa: E402
from cases import ROWS, case_of  # noqa: E402
from cases.case import Op, row  # noqa: E402
from kernels import OWN, SUITES, compare  # noqa: E402
from numpy_peer import right_results  # noqa: E402

FAILURES = []


def check(right, what):
    if not right:
        FAILURES.append(what)


def served(kantor, suite, quick):
    """The rows of a suite that are no whole steps and have the peers' number of threads."""
    done = subprocess.run([kantor, "bench", "serve", suite, *(["--quick"] if quick else [])], input='{"rows": true}\n', capture_output=True, text=True)
    rows = json.loads(done.stdout)["rows"] if done.returncode == 0 else []
    return [row for row in rows if "constraint" not in row and "threads" not in row]


def test_every_row_has_a_case(kantor):
    """A class of a case cannot be made without all of its methods, so a library that lacks a row is one that says so."""
    said = subprocess.run([kantor, "bench", "serve", "nothing"], capture_output=True, text=True).stderr
    check(sorted(SUITES) == sorted(said.split("there are ")[-1].strip().split(", ")), f"kernels.py takes {SUITES}; the program says: {said}")
    named = set()
    for suite in SUITES:
        for quick in (False, True):
            rows = served(kantor, suite, quick)
            check(rows, f"{suite} has no rows")
            for row_ in rows:
                try:
                    named.add(case_of(row_).name)
                except (KeyError, TypeError) as error:
                    check(False, f"{suite}: {row_['key']}: {error}")
    check(not set(ROWS) - named, f"cases that no suite has a row of: {set(ROWS) - named}")
    try:
        row("a kernel that only PyTorch has")(type("Half", (Op,), {"exact": None, "in_torch": None}))
        case_of({"name": "a kernel that only PyTorch has", "size": "1"})
        check(False, "a case without JAX's function was taken")
    except TypeError as error:
        check("in_jax" in str(error), f"expected the name of what is missing, got {error}")
    del ROWS["a kernel that only PyTorch has"]


def quick_cases(kantor):
    return [case_of(row_) for suite in SUITES for row_ in served(kantor, suite, True) if row_.get("by", OWN) == OWN]


def test_errors_are_found(kantor):
    for case in quick_cases(kantor):
        right = right_results(case)
        check(case.error(right) <= case.tolerance, f"{case.name}: right results have an error of {case.error(right)}")
        for name in right:
            for what, spoil in (("zeros", np.zeros_like), ("one NaN", lambda x: np.where(np.arange(x.size).reshape(x.shape) == 0, np.nan, x)),
                                ("5 % more", lambda x: 1.05 * x)):
                if name == "eps" and what == "5 % more":
                    continue  # shares that end above 1 or not, as drawn
                error = case.error({**right, name: spoil(right[name])})
                check(not error <= case.tolerance, f"{case.name}: {name} with {what} has an error of {error}, {case.tolerance} is allowed")
        if case.name.startswith("philox"):
            repeated = np.repeat(right["out"][::2], 2)
            check(case.error({"out": repeated}) > case.tolerance, f"{case.name}: each number twice is taken for random")


def test_convolutions(kantor):
    """The forward pass by its definition, the others as its transposes: <conv(x, w), g> = <x, input_grad> = <w, weight_grad>."""
    size = "conv:2x6x5x3:4:3:2:1"
    forward, input_grad, weight_grad = (case_of({"name": f"conv {name}", "size": size}) for name in ("forward", "input_grad", "weight_grad"))
    x = {name: value.astype(np.float64) for name, value in {**forward.given, "output": input_grad.given["output"]}.items()}
    of = lambda case: case.expected({name: x[name] for name in case.given}, {})[case.wanted][0]
    y = np.zeros(forward.shapes["output"])
    for n, i, j, f in np.ndindex(y.shape):
        for a, b in np.ndindex(3, 3):
            row_, column = 2 * i + a - 1, 2 * j + b - 1
            if 0 <= row_ < 6 and 0 <= column < 5:
                y[n, i, j, f] += x["image"][n, row_, column] @ x["filter"][f, a, b]
    check(np.abs(of(forward) - y).max() < 1e-12, "conv forward is not its definition")
    product = (y * x["output"]).sum()
    for case in (input_grad, weight_grad):
        check(abs((of(case) * x[case.wanted]).sum() - product) < 1e-10, f"{case.name} is not the transpose of conv forward")


def test_derivatives(kantor):
    """Of the norms and the penalty, against central differences in one direction."""
    for name, size in (("batch_norm and its derivative", "7 x 3"), ("layer_norm and its derivative", "3 x 7"), ("norm + penalty + derivative", "3 x 7")):
        case = case_of({"name": name, "size": size})
        x = {key: value.astype(np.float64) for key, value in case.given.items()}
        found = {key: values for key, (values, _) in case.expected(x, {}).items()}
        parts = {"g": "derivative"} if "penalty" in name else {"x": "dx", "gamma": "dgamma", "beta": "dbeta"}
        loss = lambda at: case.expected(at, {})["value"][0] if "penalty" in name else (case.expected(at, {})["y"][0] * x["g"]).sum()
        for key, derivative in parts.items():
            direction = np.random.default_rng(5).standard_normal(x[key].shape)
            slope = (loss({**x, key: x[key] + 1e-6 * direction}) - loss({**x, key: x[key] - 1e-6 * direction})) / 2e-6
            check(abs(slope - (found[derivative] * direction).sum()) < 1e-6 * (1 + abs(slope)), f"{name}: {derivative} is not the slope")


def test_comparison(kantor):
    rounds.PEERS["numpy"] = [str(HERE / "numpy_peer.py"), "weight_grad [2", "input_grad [2", "input_grad [4"]
    with tempfile.TemporaryDirectory() as folder:
        arguments = argparse.Namespace(kantor=kantor, device="cpu", threads=1, quick=True, filter="conv", out=folder, rounds=2, runs=2, seconds=1e-4,
                                       wait=0, peers=["numpy"])
        peers = rounds.start_peers(arguments)
        result = compare("conv", peers, arguments)
        page = pathlib.Path(folder) / "page.html"
        written = json.loads((pathlib.Path(folder) / "conv.json").read_text())
        reported = subprocess.run([kantor, "bench", "report", str(pathlib.Path(folder) / "conv.json"), "--out", str(page)], capture_output=True, text=True)
        check(reported.returncode == 0 and "conv weight_grad" in page.read_text(), f"kantor bench report: {reported.stderr}")
        peers["numpy"].end()
    check(written == json.loads(json.dumps(result)), "the file is not what was measured")
    check(len(result["rows"]) == 6, f"{len(result['rows'])} rows instead of three passes of two shapes")
    reasons = {("conv input_grad", "2x6"): "NumPy has no such kernel", ("conv weight_grad", "2x6"): "results differ from float64 by ",
               ("conv input_grad", "4x8"): "MemoryError: no more of it"}
    for row_ in result["rows"]:
        named = row_["kernel"]["name"], row_["kernel"]["size"].removeprefix("conv:")[:3]
        refused, expected = row_["refused"].get("numpy", ""), reasons.get(named, "")
        check(refused.startswith(expected) and bool(refused) == bool(expected), f"{named}: '{refused}' instead of '{expected}'")
        check(row_["errors"]["kantor"] <= 2e-6, f"{named}: Kantor's error is {row_['errors']['kantor']}")
        check(len(row_["runs"]) == 2 and all(len(run["seconds"]["kantor"]) == 2 and ("numpy" in run["seconds"]) == (not expected) for run in row_["runs"]),
              f"{named}: not two runs of two rounds, of those alone that are right: {row_['runs']}")
    lines = tables.beside(result["peers"], result["rows"], tables.KERNEL_COLUMNS, tables.in_usual_units).splitlines()
    check(lines[0].startswith("| kernel | size | Kantor |") and lines[0].endswith("| NumPy 1, eager | ratio |"), f"the table's head is {lines[0]}")
    check([line.endswith("| - | - |") for line in lines[2:]] == [False, True, True, False, True, False], "dashes elsewhere than expected:\n" + "\n".join(lines))
    said = tables.not_timed(result["rows"], tables.KERNEL_COLUMNS).splitlines()
    check(len(said) == 3 and "numpy not timed: NumPy has no such kernel" in said[0], f"reasons: {said}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kantor", required=True)
    kantor = parser.parse_args().kantor
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    for test in tests:
        try:
            test(kantor)
        except Exception as error:  # the other tests may say more
            check(False, f"{test.__name__}: {type(error).__name__}: {error}")
    for failure in FAILURES:
        print("FAILED", failure)
    print(f"{len(tests)} tests, {len(FAILURES)} failures")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
