#!/usr/bin/env python3
"""The steps and kernels of `kantor bench` in JAX, each one jitted function; answers worker.py's requests on standard input."""
import argparse
import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the other peers need memory too
import jax
import jax.numpy as jnp
import numpy as np

from worker import serve

NHWC = ("NHWC", "HWIO", "NHWC")


def to_jax(layer, weight):
    """From PyTorch's layout to the one that XLA's convolutions take: [H, W, in, out]."""
    if layer["type"] == "conv2d":
        return weight.transpose(2, 3, 1, 0)
    if layer["type"] == "conv_transpose2d":  # a convolution of the flipped filter
        return weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
    return weight.T


def to_torch(layer, weight):
    if layer["type"] == "conv2d":
        return weight.transpose(3, 2, 0, 1)
    if layer["type"] == "conv_transpose2d":
        return weight.transpose(2, 3, 0, 1)[:, :, ::-1, ::-1]
    return weight.T


def load(layers, weights):
    """{layer's number: {"weight", "bias"}} of the layers that have some."""
    return {i: {"weight": jnp.array(to_jax(layer, weights[f"{i}.weight"])), "bias": jnp.array(weights[f"{i}.bias"])}
            for i, layer in enumerate(layers) if f"{i}.weight" in weights}


def forward(layers, parameters, x):
    for i, layer in enumerate(layers):
        kind, own = layer["type"], parameters.get(i)
        if kind == "linear":
            x = x @ own["weight"] + own["bias"]
        elif kind == "conv2d":
            stride, padding = layer["stride"], layer["padding"]
            x = jax.lax.conv_general_dilated(x, own["weight"], (stride, stride), [(padding, padding)] * 2,
                                             dimension_numbers=NHWC) + own["bias"]
        elif kind == "conv_transpose2d":
            stride, padding = layer["stride"], layer["kernel"] - 1 - layer["padding"]
            x = jax.lax.conv_general_dilated(x, own["weight"], (1, 1),
                                             [(padding, padding + layer.get("output_padding", 0))] * 2,
                                             lhs_dilation=(stride, stride), dimension_numbers=NHWC) + own["bias"]
        elif kind == "relu":
            x = jax.nn.relu(x)
        elif kind == "leaky_relu":
            x = jax.nn.leaky_relu(x, layer["slope"])
        elif kind == "sigmoid":
            x = jax.nn.sigmoid(x)
        elif kind == "flatten":
            x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        elif kind == "reshape":
            x = x.reshape(len(x), *layer["shape"]).transpose(0, 2, 3, 1)
        else:
            raise ValueError(f"a layer of type {kind}")
    return x


def rmsprop(p, g, state):
    square = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, state, g)
    return jax.tree.map(lambda p, g, v: p - 5e-5 * g / (jnp.sqrt(v) + 1e-8), p, g, square), square


def adam(p, g, state):
    mean, square, t = state
    t = t + 1
    mean = jax.tree.map(lambda m, g: 0.5 * m + 0.5 * g, mean, g)
    square = jax.tree.map(lambda v, g: 0.9 * v + 0.1 * g * g, square, g)
    rate, scale = 1e-4 / (1 - 0.5 ** t), 1 / (1 - 0.9 ** t)
    return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * scale) + 1e-8), p, mean, square), (mean, square, t)


class Step:
    def __init__(self, kind, start):
        critic, generator, inputs, self.critic_layers, self.generator_layers = start
        self.kind = kind
        networks = load(self.critic_layers, critic), load(self.generator_layers, generator)
        self.layers = self.generator_layers if kind == "generator" else self.critic_layers
        trained, self.frozen = reversed(networks) if kind == "generator" else networks
        real, self.z, self.eps = (jnp.array(inputs[name]) for name in ("real", "z", "eps"))
        images = real.ndim == 4
        self.real = real.transpose(0, 2, 3, 1) if images else real
        self.eps = self.eps.reshape(-1, 1, 1, 1) if images else self.eps
        zeros = lambda: jax.tree.map(jnp.zeros_like, trained)
        state = zeros() if kind == "clip" else (zeros(), zeros(), jnp.zeros(()))
        self.state = trained, state, jax.random.key(1)
        self.once = jax.jit(self.step, donate_argnums=0)

    def loss(self, trained, frozen, real, z, eps):
        if self.kind == "generator":
            return -forward(self.critic_layers, frozen, forward(self.generator_layers, trained, z)).mean()
        critic = lambda x: forward(self.critic_layers, trained, x)
        fake = forward(self.generator_layers, frozen, z)
        scores = critic(jnp.concatenate([fake, real]))
        loss = scores[:len(fake)].mean() - scores[len(fake):].mean()
        if self.kind == "penalty":
            g = jax.grad(lambda x: critic(x).sum())(eps * real + (1 - eps) * fake)
            loss = loss + 10 * ((jnp.sqrt((g * g).reshape(len(g), -1).sum(1)) - 1) ** 2).mean()
        return loss

    def step(self, state, frozen, real):
        trained, optimizer, key = state
        key, for_z, for_eps = jax.random.split(key, 3)
        z, eps = jax.random.normal(for_z, self.z.shape), jax.random.uniform(for_eps, self.eps.shape)
        g = jax.grad(self.loss)(trained, frozen, real, z, eps)
        trained, optimizer = (rmsprop if self.kind == "clip" else adam)(trained, g, optimizer)
        if self.kind == "clip":
            trained = jax.tree.map(lambda p: jnp.clip(p, -0.01, 0.01), trained)
        return trained, optimizer, key

    def gradients(self):
        """At the weights and inputs of the start, in PyTorch's layout."""
        found = jax.jit(jax.grad(self.loss))(self.state[0], self.frozen, self.real, self.z, self.eps)
        arrays = {}
        for i, own in found.items():
            arrays[f"grad.{i}.weight"] = np.ascontiguousarray(to_torch(self.layers[i], np.asarray(own["weight"])))
            arrays[f"grad.{i}.bias"] = np.asarray(own["bias"])
        return arrays

    def run(self, steps):
        for _ in range(steps):
            self.state = self.once(self.state, self.frozen, self.real)
        jax.block_until_ready(self.state)


class Kernel:
    """A case of bench/peers/cases as one jitted function, which writes into the donated results of the run before."""

    def __init__(self, case):
        self.case = case
        self.x = {name: jnp.array(value) for name, value in case.to_jax(case.given).items()}
        start, once = case.jax(jax, self.x)
        made = jax.eval_shape(once, start, self.x)
        self.state = {name: start[name] if name in start else jnp.zeros(like.shape, like.dtype) for name, like in made.items()}
        self.once = jax.jit(once, donate_argnums=0, keep_unused=True)

    def results(self):
        self.run(1)
        return self.case.from_jax({name: np.array(value) for name, value in self.state.items() if name != "key"})

    def run(self, steps):
        for _ in range(steps):
            self.state = self.once(self.state, self.x)
        jax.block_until_ready(self.state)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    jax.config.update("jax_platforms", arguments.device)
    jax.config.update("jax_default_matmul_precision", "highest")  # float32, not TF32
    serve({"name": f"JAX {jax.__version__}, jit",
           "hardware": jax.devices()[0].device_kind if arguments.device == "cuda" else ""}, Step, Kernel)


if __name__ == "__main__":
    main()
