"""Batch and layer norm, and their derivatives by the input and by both parameters, the forward pass included."""
import abc

import numpy as np

from .case import Case, Normal, row

EPSILON = 1e-5


class Norm(Case):
    axis = 0  # over which a mean is taken

    def inputs(self):
        numbers, (rows, width) = Normal(), self.numbers
        return {"x": numbers(rows, width), "gamma": numbers(width), "beta": numbers(width), "g": numbers(rows, width)}

    @abc.abstractmethod
    def in_torch(self, torch, x):
        """The forward pass."""

    def in_jax(self, jax, x, gamma, beta):
        """By the mean of squares, as Flax does it: one pass over x for both statistics."""
        mean = x.mean(self.axis, keepdims=True)
        variance = (x * x).mean(self.axis, keepdims=True) - mean * mean
        return (x - mean) * (jax.lax.rsqrt(variance + EPSILON) * gamma) + beta

    def expected(self, x, found):
        mean = x["x"].mean(self.axis, keepdims=True)
        scale = 1 / np.sqrt(((x["x"] - mean) ** 2).mean(self.axis, keepdims=True) + EPSILON)
        normed = (x["x"] - mean) * scale
        scaled = normed * x["gamma"]
        forward = {"y": (scaled + x["beta"], np.abs(scaled) + np.abs(x["beta"]))}
        if "derivative" not in self.name:
            return forward
        g = x["g"] * x["gamma"]
        dx = scale * (g - g.mean(self.axis, keepdims=True) - normed * (g * normed).mean(self.axis, keepdims=True))
        return {**forward, "dx": (dx, np.abs(dx).max()), "dgamma": ((x["g"] * normed).sum(0), np.abs(x["g"] * normed).sum(0)),
                "dbeta": (x["g"].sum(0), np.abs(x["g"]).sum(0))}

    def torch(self, torch, x, options):
        if "derivative" not in self.name:
            return lambda: {"y": self.in_torch(torch, x)}
        wanted = [x[name].requires_grad_() for name in ("x", "gamma", "beta")]

        def step():
            y = self.in_torch(torch, x)
            return {"y": y, **dict(zip(("dx", "dgamma", "dbeta"), torch.autograd.grad(y, wanted, x["g"])))}
        return step

    def jax(self, jax, x):
        def once(state, x):
            forward, arrays = lambda *arrays: self.in_jax(jax, *arrays), (x["x"], x["gamma"], x["beta"])
            if "derivative" not in self.name:
                return {"y": forward(*arrays)}
            y, back = jax.vjp(forward, *arrays)
            return {"y": y, **dict(zip(("dx", "dgamma", "dbeta"), back(x["g"])))}
        return {}, once


@row("batch_norm", "batch_norm and its derivative")
class BatchNorm(Norm):
    def in_torch(self, torch, x):
        return torch.nn.functional.batch_norm(x["x"], None, None, x["gamma"], x["beta"], training=True, eps=EPSILON)


@row("layer_norm", "layer_norm and its derivative")
class LayerNorm(Norm):
    axis = 1

    def in_torch(self, torch, x):
        return torch.nn.functional.layer_norm(x["x"], x["gamma"].shape, x["gamma"], x["beta"], EPSILON)
