#!/usr/bin/env python3
"""The kernels of clipping and of the penalty in Kantor, PyTorch and JAX: results checked, then timed in alternating rounds.

The rows are those of `kantor bench clip-vs-penalty` but for its whole steps, which compare.py times. No peer is timed whose
results differ from float64; Kantor's are compared by `kantor bench clip-vs-penalty` itself. Prints a table in Markdown; a ratio
is the peer's time over Kantor's, from the lowest to the highest of the runs. README.md says more.
"""
import argparse
import sys

import rounds
from kernel_cases import Case


class Kantor(rounds.Engine):
    """`kantor bench serve clip-vs-penalty`, asked for rounds of seconds as the peers are."""

    def __init__(self, arguments):
        super().__init__([arguments.kantor, "bench", "serve", "clip-vs-penalty", "--device", arguments.device, f"--threads={arguments.threads}"])
        self.row, self.once = None, None

    def rows(self):
        return [row for row in super().ask(rows=True)["rows"] if "constraint" not in row]

    def ask(self, **request):
        if "kernel" not in request:
            return super().ask(**request)
        row = request["kernel"]
        key = ", ".join(row[part] for part in ("name", "size", "dtype"))
        if self.row != key:
            answer = super().ask(row=key, replays=0)
            self.row, self.once = key, answer.get("seconds")
            if "error" in answer:
                return answer
        replays = max(1, round(request["seconds"] / self.once))
        answer = super().ask(row=key, replays=replays, warm=max(1, replays // 5))
        self.once = answer.get("seconds", self.once)
        return answer


def check(engines, row, tolerance):
    """Every peer's error against float64, or why it is not timed."""
    for name, engine in engines.items():
        if name == "kantor":
            continue
        answer = engine.ask(kernel=row["kernel"])
        if "error" in answer:
            row["refused"][name] = answer["error"]
            continue
        row["errors"][name] = answer["error_of_results"]
        if not row["errors"][name] <= tolerance:  # NaN too
            row["refused"][name] = f"results differ from float64 by {row['errors'][name]:.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rounds.add_options(parser)
    parser.add_argument("--filter", default="", help="only rows whose name or size holds this")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="of results against float64 (default: %(default)s)")
    arguments = rounds.checked(parser)
    engines = {"kantor": Kantor(arguments), **rounds.start_peers(arguments)}
    title = lambda row: f"{row['kernel']['name']}, {row['kernel']['size']}"
    rows = [{"kernel": kernel, "errors": {}, "refused": {}, "runs": []} for kernel in engines["kantor"].rows()]
    rows = [row for row in rows if arguments.filter in title(row)]
    if not rows:
        parser.error(f"no row holds '{arguments.filter}'")
    for row in rows:
        Case(row["kernel"])  # every row has its twin
        check(engines, row, arguments.tolerance)
        print(f"{title(row)}: {row['errors']} {row['refused'] or ''}", file=sys.stderr, flush=True)
    result = {"device": arguments.device, "processor": rounds.processor(), "threads": arguments.threads,
              "tolerance": arguments.tolerance, "seconds": arguments.seconds, "kantor": engines["kantor"].context,
              "peers": {name: engines[name].context for name in arguments.peers}, "rows": rows}
    rounds.time_rows(engines, result, arguments, title)
    print(rounds.table(result, {"kernel": lambda row: row["kernel"]["name"], "size": lambda row: row["kernel"]["size"]}))


if __name__ == "__main__":
    main()
