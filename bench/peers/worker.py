"""What the peers share: the files of `kantor bench steps --serve`, and its protocol of a JSON object a line."""
import json
import struct
import sys
import time

import numpy as np

from cases import Gap, case_of

DTYPES = {"F32": np.float32, "F64": np.float64}


def read_tensors(path):
    """The tensors of a safetensors file by name, and its metadata."""
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    at = lambda entry: data[8 + size:][slice(*entry["data_offsets"])]
    return {name: np.frombuffer(at(entry), DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}, metadata


def write_tensors(path, tensors):
    header, end = {}, 0
    for name, value in tensors.items():
        kind = next(kind for kind, dtype in DTYPES.items() if dtype == value.dtype)
        header[name] = {"dtype": kind, "shape": value.shape, "data_offsets": [end, end + value.nbytes]}
        end += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(value.tobytes() for value in tensors.values()))


def start_of(path):
    """What a step starts from: the critic's weights, the generator's, the inputs, and both networks' layers."""
    tensors, metadata = read_tensors(path)
    part = lambda prefix: {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}
    inputs = {name: tensors[name] for name in ("real", "z", "eps")}
    return part("critic."), part("generator."), inputs, json.loads(metadata["critic"]), json.loads(metadata["generator"])


class Timed:
    """A step that is timed as `kantor bench steps` times its own: a fifth of a round warms up."""

    def __init__(self, step):
        self.step = step
        step.run(3)  # compilers and libraries warm up
        self.once = self.seconds(2)

    def seconds(self, steps):
        start = time.perf_counter()
        self.step.run(steps)
        return (time.perf_counter() - start) / steps

    def round(self, seconds):
        steps = max(1, round(seconds / self.once))
        self.step.run(max(1, steps // 5))
        self.once = self.seconds(steps)
        return {"seconds": self.once, "steps": steps}


class Kernels:
    """One kernel at a time, since the arrays of several may not fit into memory."""

    def __init__(self, make_kernel):
        self.make_kernel, self.row, self.timed = make_kernel, None, None

    def check(self, row):
        self.row = self.timed = None
        case = case_of(row)
        return {"accuracy": case.error(self.make_kernel(case).results()), "allowed": case.tolerance}

    def round(self, row, seconds):
        if self.row != row:
            self.row = self.timed = None  # also of an earlier row that failed
            self.timed = Timed(self.make_kernel(case_of(row)))
            self.row = row
        return self.timed.round(seconds)


def serve(context, make_step, make_kernel):
    """Answers requests until standard input ends. `make_step(kind, start)` gives an object with `gradients()`, a dictionary of
    arrays in PyTorch's layout, and `run(steps)`, which returns when so many steps are done. `make_kernel` gives the same of a
    case of bench/peers/cases, with `results()` of its first run in place of gradients; one is kept at a time."""
    steps, timed, kernels = {}, {}, Kernels(make_kernel)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            key = asked.get("model"), asked.get("step")
            if "context" in asked:
                answer = context
            elif "kernel" in asked:
                answer = kernels.check(asked["kernel"]) if "check" in asked else kernels.round(asked["kernel"], asked["seconds"])
            elif "gradients" in asked:
                steps[key] = make_step(key[1], start_of(asked["inputs"]))
                write_tensors(asked["gradients"], steps[key].gradients())
                answer = {"gradients": asked["gradients"]}
            else:
                timed[key] = timed.get(key) or Timed(steps[key])
                answer = timed[key].round(asked["seconds"])
        except Gap as gap:
            answer = {"error": str(gap)}
        except Exception as error:  # a compiler's or a library's own: the other peers go on
            answer = {"error": f"{type(error).__name__}: {str(error)[:500]}"}
        print(json.dumps(answer), flush=True)
