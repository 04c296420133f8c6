"""What a case is: a row of `kantor bench SUITE`, as every library computes it, and what must come out in float64.

A class a kernel, under the names that rows have: `@row("pointwise: tanh")`. Sizes come from the rows, so none stands here."""
import abc
import functools
import re

import numpy as np

ROWS = {}  # name of a row: its class


def row(*names):
    def register(case):
        ROWS.update(dict.fromkeys(names, case))
        return case
    return register


def case_of(named):
    """The case of a row, {"name", "size"}. Throws KeyError if no class has its name."""
    if named["name"] not in ROWS:
        raise KeyError(f"no case in bench/peers/cases has the name '{named['name']}'")
    return ROWS[named["name"]](named["name"], named["size"])


class Gap(Exception):
    """Raised by `torch` or `jax` of a case: why the library has no such kernel. Its place in the tables is then a dash."""


class Case(abc.ABC):
    tolerance = 1e-5  # of `error`

    def __init__(self, name, size):
        self.name, self.numbers = name, [int(n) for n in re.findall(r"\d+", size)]

    @abc.abstractmethod
    def inputs(self):
        """{name: float32 array}, the same for every library."""

    @functools.cached_property
    def given(self):
        """The inputs, made once."""
        return self.inputs()

    def expected(self, x, found):
        """{name: (values, scale of their errors)} of the inputs in float64. `found`: results, where they hold random numbers."""
        raise NotImplementedError

    @abc.abstractmethod
    def torch(self, torch, x, options):
        """A function of nothing that runs once on the tensors and gives {name: tensor}, as PyTorch's users write it; it writes
        where the run before has written wherever PyTorch lets it, as Kantor does. `options`: device, and graph, whether it will be
        captured in a CUDA graph."""

    @abc.abstractmethod
    def jax(self, jax, x):
        """(state, once): once(state, arrays) gives the next state, {name: array}, results among it. Every run is given the
        buffers of the one before, to write there; what `state` lacks at the start are zeros."""

    def to_jax(self, x):
        """The inputs as `once` takes them, where it likes another order of axes."""
        return x

    def from_jax(self, found):
        """And back."""
        return found

    def error(self, found):
        """The largest error of the results, divided by its scale; infinite where one is not finite."""
        worst = 0.0
        found = {name: np.asarray(values, np.float64) for name, values in found.items()}
        x = {name: value.astype(np.float64) for name, value in self.given.items()}
        for name, (values, scale) in self.expected(x, found).items():
            difference = np.abs(found[name].reshape(np.shape(values)) - values)
            relative = np.divide(difference, scale, out=np.where(difference > 0, np.inf, 0.0), where=np.broadcast_to(scale, difference.shape) > 0)
            worst = max(worst, float(relative.max()) if np.isfinite(relative).all() else float("inf"))
        return worst


class Op(Case):
    """One function of arrays, `arrays` of them, all of the row's size."""
    arrays = 1

    def inputs(self):
        numbers = Normal()
        return {f"x{i}": numbers(*self.numbers) for i in range(self.arrays)}

    @abc.abstractmethod
    def exact(self, *x):
        """(values, scale)"""

    @abc.abstractmethod
    def in_torch(self, torch, out, *x):
        """The result, in `out` where that is not None and PyTorch can."""

    @abc.abstractmethod
    def in_jax(self, jnp, *x):
        """The result."""

    def expected(self, x, found):
        return {"out": self.exact(*x.values())}

    def torch(self, torch, x, options):
        out = self.in_torch(torch, None, *x.values())
        return lambda: {"out": self.in_torch(torch, out, *x.values())}

    def jax(self, jax, x):
        return {}, lambda state, x: {"out": self.in_jax(jax.numpy, *x.values())}


class Normal:
    """Standard normal arrays, the same in every process."""

    def __init__(self):
        self.numbers = np.random.default_rng(7)

    def __call__(self, *shape, scale=1):
        return (scale * self.numbers.standard_normal(shape, np.float32)).astype(np.float32)


def largest(values):
    """With the scale for terms of one size."""
    return values, np.abs(values).max()
