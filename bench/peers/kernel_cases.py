"""The kernels of clipping and of the penalty that peers are timed on: their inputs, and what must come out, in float64.

A case is a row of `kantor bench clip-vs-penalty`, by its name and size."""
import re

import numpy as np

BOUND, LAMBDA = 0.01, 10.0
# What kantor's optimizers have by default: the rate, and the rule's decays.
RULES = {"SGD": {"rate": 1e-4}, "RMSProp": {"rate": 1e-4, "alpha": 0.99}, "Adam": {"rate": 1e-4, "betas": (0.5, 0.9)}}
EPSILON = 1e-8


class Case:
    """`kind`: "interpolation", "penalty", or the name of a rule in RULES. Arrays are float32 and the same everywhere."""

    def __init__(self, row):
        words = row["name"].split(" + ")
        self.name, self.size = row["name"], row["size"]
        self.kind = words[0] if words[0] in RULES and "clip" in words else \
            "interpolation" if row["name"].startswith("interpolation") else "penalty" if "penalty" in words else None
        if self.kind is None:
            raise ValueError(f"no peer has the kernel {row['name']}")
        self.shape = tuple(int(n) for n in re.findall(r"\d+", row["size"]))
        numbers = np.random.default_rng(7)
        normal = lambda shape, scale=1: (scale * numbers.standard_normal(shape, np.float32)).astype(np.float32)
        if self.kind == "interpolation":
            self.inputs = {"real": normal(self.shape), "fake": normal(self.shape), "eps": numbers.random((self.shape[0], 1), np.float32)}
        elif self.kind == "penalty":
            self.inputs = {"g": normal(self.shape)}
        else:
            self.inputs = {"w": normal(self.shape, 0.01), "g": normal(self.shape, 1e-3)}

    def expected(self):
        """The results of the first run, {name: (values, scale of their errors)}."""
        x = {name: value.astype(np.float64) for name, value in self.inputs.items()}
        if self.kind == "interpolation":
            out = x["eps"] * x["real"] + (1 - x["eps"]) * x["fake"]
            return {"out": (out, np.abs(x["eps"] * x["real"]) + np.abs((1 - x["eps"]) * x["fake"]))}
        if self.kind == "penalty":
            norms = np.sqrt((x["g"] ** 2).sum(1))
            factor = LAMBDA / len(norms) * 2 * (norms - 1) / norms
            value = LAMBDA * ((norms - 1) ** 2).mean()
            derivative = factor[:, None] * x["g"]
            return {"value": (np.array(value), value), "norms": (norms, norms), "derivative": (derivative, np.abs(derivative).max())}
        g, rule = x["g"], RULES[self.kind]
        if self.kind == "SGD":
            change = rule["rate"] * g
        elif self.kind == "RMSProp":
            change = rule["rate"] * g / (np.sqrt((1 - rule["alpha"]) * g * g) + EPSILON)
        else:  # of the first update: both means are divided by what they lack
            change = rule["rate"] * g / (np.abs(g) + EPSILON)
        return {"w": (np.clip(x["w"] - change, -BOUND, BOUND), np.abs(x["w"]) + np.abs(change))}

    def error(self, found):
        """The largest error of a peer's results, divided by the scale; infinite where one is not finite."""
        worst = 0.0
        for name, (values, scale) in self.expected().items():
            difference = np.abs(np.asarray(found[name], np.float64).reshape(values.shape) - values) / scale
            worst = max(worst, float(difference.max()) if np.isfinite(difference).all() else float("inf"))
        return worst
