"""Rounds of several engines in turn: what comparisons with PyTorch and JAX share."""
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = {"torch": ["torch_peer.py"], "torch-graph": ["torch_peer.py", "--mode=graph"],
         "torch-compile": ["torch_peer.py", "--mode=compile"], "jax": ["jax_peer.py"]}


class Engine:
    """A process that answers a JSON object a line."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.context = self.ask(context=True)

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_peers(arguments):
    engines = {}
    for name in arguments.peers:
        script, *options = PEERS[name]
        options += ["--device", arguments.device] + ([f"--threads={arguments.threads}"] if script == "torch_peer.py" else [])
        engines[name] = Engine([sys.executable, str(HERE / script), *options])
    return engines


def busy_seconds():
    """Of all processors: user, nice, system, irq and softirq."""
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields[i] for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK"), sum(fields) / os.sysconf("SC_CLK_TCK")


class Patience:
    """Waits for moments in which other programs take less than a tenth of the processors, so long in all and no longer."""

    def __init__(self, seconds):
        self.left = seconds

    def wait(self):
        while self.left > 0:
            busy, everything = busy_seconds()
            time.sleep(1)
            self.left -= 1
            now_busy, now_everything = busy_seconds()
            if now_busy - busy < 0.1 * (now_everything - everything):
                return


def time_row(engines, row, rounds, seconds):
    """One run of a row: rounds of the engines in turn, each round in the other order."""
    what = {key: row[key] for key in ("model", "step", "kernel") if key in row}
    names = [name for name in engines if name not in row["refused"]]
    own = lambda: sum(engine.processor_seconds() for engine in engines.values())
    run, started = {name: [] for name in names}, None
    for i in range(-1, rounds):  # the first round compiles and warms up, and does not count
        for name in names[::1 if i % 2 else -1]:
            answer = engines[name].ask(**what, seconds=seconds if i >= 0 else 0)
            if "error" in answer:
                if name == "kantor":
                    raise SystemExit(f"{what}: {answer['error']}")
                names.remove(name)  # of this row; the others go on
                refuse(row, name, answer["error"])
                continue
            row["launches"] = answer.get("launches", row.get("launches"))
            if i >= 0:
                run[name].append(answer["seconds"])
        if i < 0:
            started = *busy_seconds(), own()
    busy, everything = busy_seconds()
    passed = everything - started[1]  # 0 in a run shorter than a tick of the system's counters
    others = (busy - started[0] - (own() - started[2])) / passed if passed > 0 else 0.0
    row["runs"].append({"seconds": {name: run[name] for name in names}, "others": max(0.0, round(others, 3))})


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} processors"


def add_options(parser, out):
    """What every comparison takes; `out`: what `--out` says where to write."""
    parser.add_argument("--kantor", default=str(ROOT / "build" / "release" / "tools" / "kantor"), help="the program")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--peers", type=lambda text: text.split(","), help=f"of {', '.join(PEERS)}, joined by commas "
                        "(default: torch,jax on the CPU, torch-graph,jax on a GPU)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the CPU (default: all)")
    parser.add_argument("--rounds", type=int, default=9, help="of each run (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of a round; at least one step (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=2, help="of all rows (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait at most, in all, for moments in which other "
                        "programs do little (default: %(default)s)")
    parser.add_argument("--out", help=f"also write {out}, as JSON")


def checked(parser):
    """The arguments, with the processors that they ask for: JAX takes as many threads as it has of them."""
    arguments = parser.parse_args()
    arguments.peers = arguments.peers or ["torch" if arguments.device == "cpu" else "torch-graph", "jax"]
    unknown = set(arguments.peers) - set(PEERS)
    if unknown:
        parser.error(f"unknown peers {', '.join(sorted(unknown))}; known are {', '.join(PEERS)}")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:arguments.threads])
    return arguments


def refuse(row, name, why):
    """An engine that is not timed, for the table and the page to say; what it has been timed is dropped."""
    row["refused"][name] = why
    for run in row["runs"]:
        run["seconds"].pop(name, None)


def judge(row, name, error, allowed, what):
    """Keeps an engine's error against float64; it is not timed where that is more than allowed, or not finite."""
    finite = error is not None and math.isfinite(error)
    row["errors"][name] = error if finite else None
    if not finite or error > allowed:
        refuse(row, name, f"{what} differ from float64 by {error:.1e}, more than {allowed:.0e}" if finite else f"{what} are not finite")


def time_rows(engines, result, arguments, title, out):
    """All runs of all rows; the file is written after each, so that a run that is stopped keeps what it has measured."""
    patience = Patience(arguments.wait)
    for run in range(arguments.runs):
        for row in result["rows"]:
            patience.wait()
            time_row(engines, row, arguments.rounds, arguments.seconds)
            if out:
                timed = [row for row in result["rows"] if row["runs"]]
                pathlib.Path(out).write_text(json.dumps({**result, "rows": timed}, indent=1) + "\n")
            print(f"run {run + 1}: {title(row)}", file=sys.stderr, flush=True)
