"""Updates with a clip, by the rates and decays that Kantor's optimizers have by default."""
import abc

import numpy as np

from .case import Case, Normal, row

BOUND, RATE, EPSILON = 0.01, 1e-4, 1e-8
ALPHA, BETAS = 0.99, (0.5, 0.9)  # of RMSProp, of Adam


class Update(Case):
    """Kantor's kernel also takes the statistics of the weights; the peers do not."""

    def inputs(self):
        numbers = Normal()
        return {"w": numbers(*self.numbers, scale=0.01), "g": numbers(*self.numbers, scale=1e-3)}

    @abc.abstractmethod
    def first_change(self, g):
        """What the first update subtracts, in float64."""

    @abc.abstractmethod
    def optimizer(self, torch, weights, options):
        """PyTorch's."""

    @abc.abstractmethod
    def update(self, jnp, state, g):
        """The next state; "w" is clipped afterwards."""

    def states(self, jnp, g):
        return {}

    def expected(self, x, found):
        change = self.first_change(x["g"])
        return {"w": (np.clip(x["w"] - change, -BOUND, BOUND), np.abs(x["w"]) + np.abs(change))}

    def torch(self, torch, x, options):
        w, w.grad = x["w"], x["g"]
        optimizer = self.optimizer(torch, [w], options)

        def step():
            optimizer.step()
            return {"w": w.clamp_(-BOUND, BOUND)}
        return step

    def jax(self, jax, x):
        jnp = jax.numpy

        def once(state, x):
            state = self.update(jnp, state, x["g"])
            return {**state, "w": jnp.clip(state["w"], -BOUND, BOUND)}
        return {"w": x["w"].copy(), **self.states(jnp, x["g"])}, once


@row("SGD + clip + statistics")
class SGD(Update):
    def first_change(self, g):
        return RATE * g

    def optimizer(self, torch, weights, options):
        return torch.optim.SGD(weights, RATE, fused=True)

    def update(self, jnp, state, g):
        return {"w": state["w"] - RATE * g}


@row("RMSProp + clip + statistics")
class RMSProp(Update):
    def first_change(self, g):
        return RATE * g / (np.sqrt((1 - ALPHA) * g * g) + EPSILON)

    def optimizer(self, torch, weights, options):
        return torch.optim.RMSprop(weights, RATE, ALPHA, EPSILON, foreach=True, capturable=options.graph)

    def states(self, jnp, g):
        return {"v": jnp.zeros_like(g)}

    def update(self, jnp, state, g):
        v = ALPHA * state["v"] + (1 - ALPHA) * g * g
        return {"w": state["w"] - RATE * g / (jnp.sqrt(v) + EPSILON), "v": v}


@row("Adam + clip + statistics")
class Adam(Update):
    def first_change(self, g):  # both means are divided by what they lack
        return RATE * g / (np.abs(g) + EPSILON)

    def optimizer(self, torch, weights, options):
        return torch.optim.Adam(weights, RATE, BETAS, EPSILON, fused=True, capturable=options.graph)

    def states(self, jnp, g):
        return {"m": jnp.zeros_like(g), "v": jnp.zeros_like(g), "t": jnp.zeros(())}

    def update(self, jnp, state, g):
        (a, b), t = BETAS, state["t"] + 1
        m, v = a * state["m"] + (1 - a) * g, b * state["v"] + (1 - b) * g * g
        w = state["w"] - RATE / (1 - a ** t) * m / (jnp.sqrt(v / (1 - b ** t)) + EPSILON)
        return {"w": w, "m": m, "v": v, "t": t}
