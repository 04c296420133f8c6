#!/usr/bin/env python3
"""Kernels in Kantor, the device's library, PyTorch and JAX: results checked, then timed in alternating rounds.

The rows are those of suites of `kantor bench`, but for whole steps, which compare.py times, and for rows of fewer threads. No
engine is timed whose results differ from float64: Kantor's and the library's (oneDNN, cuDNN) are compared by the program itself.
Prints a table for each suite in Markdown; a ratio is another's time over Kantor's, from the lowest to the highest of the runs.
README.md says more.
"""
import argparse
import pathlib
import sys

import rounds
import tables
from cases import case_of

OWN = "Kantor"  # by whom a row is, where the program has others beside it
SUITES = ["kernels", "conv", "scaling", "clip-vs-penalty"]


def identity(row):
    """What a row of Kantor's and one of a library have in common."""
    return {name: row[name] for name in ("name", "size", "dtype")}


class Served(rounds.Engine):
    """`kantor bench serve SUITE`, whose rows by `by` are asked for rounds of seconds as the peers are."""

    def __init__(self, arguments, suite, by=OWN):
        super().__init__([arguments.kantor, "bench", "serve", suite, "--device", arguments.device, f"--threads={arguments.threads}",
                          *(["--quick"] if arguments.quick else [])])
        self.listed = [row for row in super().ask(rows=True)["rows"] if "constraint" not in row and "threads" not in row]
        self.keys = {str(identity(row)): row["key"] for row in self.listed if row.get("by", OWN) == by}
        self.ready, self.once = None, None
        if by != OWN:
            self.context = {"name": by, "hardware": self.context["hardware"], "threads": self.context["threads"]}

    def rows(self):
        return [identity(row) for row in self.listed if row.get("by", OWN) == OWN]

    def others(self):
        """By whom there are rows beside Kantor's."""
        return list(dict.fromkeys(row["by"] for row in self.listed if row.get("by", OWN) != OWN))

    def ask(self, **request):
        if "kernel" not in request:
            return super().ask(**request)
        key = self.keys.get(str(request["kernel"]))
        if key is None:
            return {"error": "the library has nothing for this"}
        if "check" in request:
            self.ready = None
            return super().ask(row=key, check=True)
        if self.ready != key:
            answer = super().ask(row=key, replays=0)
            if "error" in answer:
                return answer
            self.ready, self.once = key, answer["seconds"]
        replays = max(1, round(request["seconds"] / self.once))
        answer = super().ask(row=key, replays=replays, warm=max(1, replays // 5))
        self.once = answer.get("seconds", self.once)
        return answer


def check(engines, row):
    """Every engine's error against float64, or why it is not timed."""
    for name, engine in engines.items():
        answer = engine.ask(kernel=row["kernel"], check=True)
        if "error" in answer:
            row["refused"][name] = answer["error"]
            continue
        rounds.judge(row, name, answer["accuracy"], answer["allowed"], "results")


def compare(suite, peers, arguments):
    """Times a suite's rows."""
    kantor = Served(arguments, suite)
    title = lambda row: f"{row['kernel']['name']}, {row['kernel']['size']}"
    rows = [{"kernel": kernel, "errors": {}, "refused": {}, "runs": []} for kernel in kantor.rows()]
    rows = [row for row in rows if arguments.filter in title(row)]
    libraries = {by.lower(): Served(arguments, suite, by) for by in kantor.others()}
    engines = {"kantor": kantor, **libraries, **peers}
    for row in rows:
        case_of(row["kernel"])  # every row has its case
        check(engines, row)
        if "kantor" in row["refused"]:
            raise SystemExit(f"{title(row)}: Kantor's own {row['refused']['kantor']}: nothing is timed")
        print(f"{title(row)}: {row['errors']} {row['refused'] or ''}", file=sys.stderr, flush=True)
    result = {"device": arguments.device, "processor": rounds.processor(), "threads": arguments.threads, "seconds": arguments.seconds,
              "kantor": kantor.context, "peers": {name: engine.context for name, engine in engines.items() if name != "kantor"}, "rows": rows}
    out = pathlib.Path(arguments.out) / f"{suite}.json" if arguments.out else None
    rounds.time_rows(engines, result, arguments, title, out)
    for engine in (kantor, *libraries.values()):
        engine.end()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=SUITES, help="of kantor bench (default: %(default)s)")
    rounds.add_options(parser, "all figures into this folder, a file for each suite")
    parser.add_argument("--filter", default="", help="only rows whose name or size holds this")
    parser.add_argument("--quick", action="store_true", help="small sizes: to try a case")
    arguments = rounds.checked(parser)
    if arguments.out:
        pathlib.Path(arguments.out).mkdir(parents=True, exist_ok=True)
    peers, timed = rounds.start_peers(arguments), 0
    for suite in arguments.suites:
        result = compare(suite, peers, arguments)
        timed += len(result["rows"])
        if result["rows"]:
            compared = tables.beside(result["peers"], result["rows"], tables.KERNEL_COLUMNS, tables.in_usual_units)
            print(f"\n{suite}:\n\n{compared}\n{tables.not_timed(result['rows'], tables.KERNEL_COLUMNS)}", flush=True)
    if timed == 0:
        parser.error(f"no row holds '{arguments.filter}'")


if __name__ == "__main__":
    main()
