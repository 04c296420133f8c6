"""The critic of lesson 3 as files that `kantor gradients` reads, and what it answers as text.

    hand_critic.py write FOLDER [--a 1,1] [--real 2,1] [--fake 0,1] [--eps 0.5]
    hand_critic.py read FOLDER
"""
import argparse
import json
import pathlib

from arrays import read_safetensors, write_npy, write_safetensors

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=["write", "read"])
parser.add_argument("folder", type=pathlib.Path)
for name, value in (("a", "1,1"), ("real", "2,1"), ("fake", "0,1"), ("eps", "0.5")):
    parser.add_argument(f"--{name}", default=value, type=lambda text: [float(x) for x in text.split(",")])
arguments = parser.parse_args()
folder = arguments.folder
if arguments.what == "write":
    folder.mkdir(parents=True, exist_ok=True)
    layers = [{"type": "linear", "in": 2, "out": 2}, {"type": "relu"}, {"type": "linear", "in": 2, "out": 1}]
    (folder / "layers.json").write_text(json.dumps(layers))
    write_safetensors(folder / "weights.safetensors", {"0.weight": [[1, 1], [2, -1]], "0.bias": [0, 0], "2.weight": [arguments.a], "2.bias": [0]})
    write_npy(folder / "real.npy", [arguments.real])
    write_npy(folder / "fake.npy", [arguments.fake])
    write_npy(folder / "eps.npy", arguments.eps)
else:
    names = {"gradient_norm": "n", "grad.0.weight": "d loss / d W", "grad.2.weight": "d loss / d a"}
    for key, (_, values) in sorted(read_safetensors(folder / "answer.safetensors").items()):
        if key in ("loss", "penalty", "gradient_norm", "input_gradient", "grad.0.weight", "grad.2.weight"):
            print(f"{names.get(key, key.replace('_', ' '))}:", *(f"{v:g}" for v in values))
