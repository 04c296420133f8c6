"""The kernels of the gradient penalty: interpolation, and norms with the penalty and its derivative."""
import numpy as np

from .case import Case, Normal, row

LAMBDA = 10.0


@row("interpolation, random numbers included")
class Interpolation(Case):
    """Of the two batches that it draws a share for; the shares are results too, so that what is timed can be checked."""

    def inputs(self):
        numbers = Normal()
        return {"real": numbers(*self.numbers), "fake": numbers(*self.numbers)}

    def expected(self, x, found):
        eps = found["eps"].reshape(-1, 1)
        inside = 1.0 if ((eps >= 0) & (eps <= 1)).all() and (len(eps) < 2 or eps.std() > 0.1) else np.nan
        real, fake = eps * x["real"], (1 - eps) * x["fake"]
        return {"eps": (inside * eps, 1.0), "out": (real + fake, np.abs(real) + np.abs(fake))}

    def torch(self, torch, x, options):
        eps, out = x["real"].new_empty(len(x["real"]), 1), torch.empty_like(x["real"])

        def step():
            torch.rand(eps.shape, out=eps)
            return {"eps": eps, "out": torch.lerp(x["fake"], x["real"], eps, out=out)}
        return step

    def jax(self, jax, x):
        def once(state, x):
            key, now = jax.random.split(state["key"])
            eps = jax.random.uniform(now, (len(x["real"]), 1))
            return {"key": key, "eps": eps, "out": eps * x["real"] + (1 - eps) * x["fake"]}
        return {"key": jax.random.key(1)}, once


@row("norm + penalty + derivative")
class Penalty(Case):
    """PyTorch and JAX differentiate the penalty themselves."""

    def inputs(self):
        return {"g": Normal()(*self.numbers)}

    def expected(self, x, found):
        norms = np.sqrt((x["g"] ** 2).sum(1))
        factor = LAMBDA / len(norms) * 2 * (norms - 1) / norms
        value = LAMBDA * ((norms - 1) ** 2).mean()
        derivative = factor[:, None] * x["g"]
        return {"value": (value, value), "norms": (norms, norms), "derivative": (derivative, np.abs(derivative).max())}

    def torch(self, torch, x, options):
        g = x["g"].requires_grad_()

        def step():
            norms = g.norm(dim=1)
            value = LAMBDA * ((norms - 1) ** 2).mean()
            derivative, = torch.autograd.grad(value, g)
            return {"value": value, "norms": norms, "derivative": derivative}
        return step

    def jax(self, jax, x):
        def penalty(g):
            norms = jax.numpy.sqrt((g * g).sum(1))
            return LAMBDA * ((norms - 1) ** 2).mean(), norms

        def once(state, x):
            (value, norms), derivative = jax.value_and_grad(penalty, has_aux=True)(x["g"])
            return {"value": value, "norms": norms, "derivative": derivative}
        return {}, once
