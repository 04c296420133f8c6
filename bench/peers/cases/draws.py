"""Random numbers. Every library draws others, so their moments are compared: the error is in standard errors of a moment."""
import abc

import numpy as np

from .case import Case, row


class Draw(Case):
    tolerance = 6
    below = np.inf  # all numbers are
    least = -np.inf
    middle = 0.0  # about which they lie evenly

    def inputs(self):
        return {}

    @abc.abstractmethod
    def power(self, k):
        """The mean of the k-th power of a number's distance from the middle."""

    @abc.abstractmethod
    def draw(self, jax, key):
        """JAX's numbers of a key."""

    def jax(self, jax, x):
        def once(state, x):
            key, now = jax.random.split(state["key"])
            return {"key": key, "out": self.draw(jax, now)}
        return {"key": jax.random.key(1)}, once

    def error(self, found):
        """The worst of the first four moments and of the mean product of neighbours; infinite for a number that cannot be."""
        values = np.asarray(found["out"], np.float64)
        if values.shape != tuple(self.numbers) or not ((values >= self.least) & (values < self.below)).all():
            return float("inf")
        values -= self.middle
        products, errors = np.ones_like(values), [values[1:].dot(values[:-1]) / (self.power(2) * np.sqrt(len(values) - 1))]
        for k in range(1, 5):
            products *= values
            errors.append((products.mean() - self.power(k)) / np.sqrt((self.power(2 * k) - self.power(k) ** 2) / len(values)))
        return float(np.abs(errors).max())


@row("philox: uniform")
class Uniform(Draw):
    least, below, middle = 0.0, 1.0, 0.5

    def power(self, k):
        return 0.0 if k % 2 else 0.5 ** k / (k + 1)

    def torch(self, torch, x, options):
        out = torch.empty(self.numbers, device=options.device)
        return lambda: {"out": torch.rand(out.shape, out=out)}

    def draw(self, jax, key):
        return jax.random.uniform(key, self.numbers)


@row("philox: normal")
class StandardNormal(Draw):
    def power(self, k):
        return 0.0 if k % 2 else float(np.prod(np.arange(1, k, 2)))

    def torch(self, torch, x, options):
        out = torch.empty(self.numbers, device=options.device)
        return lambda: {"out": torch.randn(out.shape, out=out)}

    def draw(self, jax, key):
        return jax.random.normal(key, self.numbers)


@row("philox: integers")
class Integers(Draw):
    """Below 1000, as Kantor's row has them; of 64 bits in PyTorch and Kantor, and of 32 in JAX, whose usual ones they are."""
    least, below, middle = 0, 1000, 499.5

    def power(self, k):
        return float(((np.arange(self.below) - self.middle) ** k).mean())

    def torch(self, torch, x, options):
        out = torch.empty(self.numbers, dtype=torch.int64, device=options.device)
        return lambda: {"out": torch.randint(self.below, out.shape, out=out)}

    def draw(self, jax, key):
        return jax.random.randint(key, self.numbers, 0, self.below)
