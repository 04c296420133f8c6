#!/usr/bin/env python3
"""The steps and kernels of `kantor bench` in PyTorch; answers worker.py's requests on standard input.

In float64 on the CPU it is the reference that gradients are compared with.
"""
import argparse
import types

import numpy as np
import torch
from torch import nn

from worker import serve

LAYERS = {
    "linear": lambda l: nn.Linear(l["in"], l["out"]),
    "conv2d": lambda l: nn.Conv2d(l["in"], l["out"], l["kernel"], l["stride"], l["padding"]),
    "conv_transpose2d": lambda l: nn.ConvTranspose2d(l["in"], l["out"], l["kernel"], l["stride"], l["padding"],
                                                     l.get("output_padding", 0)),
    "relu": lambda l: nn.ReLU(),
    "leaky_relu": lambda l: nn.LeakyReLU(l["slope"]),
    "sigmoid": lambda l: nn.Sigmoid(),
    "flatten": lambda l: nn.Flatten(),
    "reshape": lambda l: nn.Unflatten(1, l["shape"]),
}


def graph_of(once):
    """The replay of a CUDA graph of `once`, after warming up on a stream of its own, as PyTorch's documentation asks."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            once()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        once()
    return graph.replay


class Step:
    def __init__(self, kind, start, mode, device, dtype):
        self.kind, self.mode = kind, mode
        self.options = {"device": device, "dtype": dtype}
        critic, generator, inputs, critic_layers, generator_layers = start
        self.critic, self.generator = self.network(critic_layers, critic), self.network(generator_layers, generator)
        self.real, self.z, self.eps = (self.tensor(inputs[name]) for name in ("real", "z", "eps"))
        if self.real.dim() == 4:  # the layout that PyTorch's convolutions are fastest in
            self.critic, self.generator, self.real = (
                x.to(memory_format=torch.channels_last) for x in (self.critic, self.generator, self.real))
            self.eps = self.eps.reshape(-1, 1, 1, 1)
        trained = self.generator if kind == "generator" else self.critic
        self.names = [name for name, _ in trained.named_parameters()]
        self.parameters = list(trained.parameters())
        if kind == "clip":
            self.optimizer = torch.optim.RMSprop(self.parameters, 5e-5, foreach=True, capturable=mode == "graph")
        else:
            self.optimizer = torch.optim.Adam(self.parameters, 1e-4, (0.5, 0.9), fused=True, capturable=mode == "graph")
        self.differentiate = torch.compile(self.take_gradients) if mode == "compile" else self.take_gradients
        self.replay = None

    def tensor(self, value):
        return torch.tensor(np.array(value), **self.options)

    def network(self, layers, weights):
        network = nn.Sequential(*[LAYERS[layer["type"]](layer) for layer in layers]).to(**self.options)
        network.load_state_dict({name: self.tensor(value) for name, value in weights.items()})
        return network

    def take_gradients(self, z, eps):
        if self.kind == "generator":
            return torch.autograd.grad(-self.critic(self.generator(z)).mean(), self.parameters)
        with torch.no_grad():
            fake = self.generator(z)
        scores = self.critic(torch.cat([fake, self.real]))
        loss = scores[:len(fake)].mean() - scores[len(fake):].mean()
        if self.kind == "penalty":
            between = (eps * self.real + (1 - eps) * fake).requires_grad_()
            g, = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
            loss = loss + 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return torch.autograd.grad(loss, self.parameters)

    def gradients(self):
        """At the weights and inputs of the start."""
        found = self.differentiate(self.z, self.eps)
        return {"grad." + name: np.ascontiguousarray(g.cpu().numpy()) for name, g in zip(self.names, found)}

    def once(self):
        z, eps = torch.randn_like(self.z), torch.rand_like(self.eps)
        for parameter, g in zip(self.parameters, self.differentiate(z, eps)):
            parameter.grad = g
        self.optimizer.step()
        if self.kind == "clip":
            with torch.no_grad():
                torch._foreach_clamp_min_(self.parameters, -0.01)
                torch._foreach_clamp_max_(self.parameters, 0.01)

    def run(self, steps):
        if self.replay is None:
            self.replay = graph_of(self.once) if self.mode == "graph" else self.once
        for _ in range(steps):
            self.replay()
        if self.options["device"] == "cuda":
            torch.cuda.synchronize()


class Kernel:
    """A case of bench/peers/cases."""

    def __init__(self, case, mode, device):
        self.mode, self.device = mode, device
        options = types.SimpleNamespace(device=device, graph=mode == "graph")
        step = case.torch(torch, {name: torch.tensor(value, device=device) for name, value in case.given.items()}, options)
        self.once = torch.compile(step) if mode == "compile" else step
        self.replay = None

    def results(self):
        return {name: value.detach().cpu().numpy() for name, value in self.once().items()}

    def run(self, steps):
        if self.replay is None:
            self.replay = graph_of(self.once) if self.mode == "graph" else self.once
        for _ in range(steps):
            self.replay()
        if self.device == "cuda":
            torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["eager", "graph", "compile"], default="eager")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    context = {"name": f"PyTorch {torch.__version__}, {arguments.mode}",
               "hardware": torch.cuda.get_device_name() if arguments.device == "cuda" else "",
               "threads": torch.get_num_threads()}
    dtype = getattr(torch, arguments.dtype)
    serve(context, lambda kind, start: Step(kind, start, arguments.mode, arguments.device, dtype),
          lambda case: Kernel(case, arguments.mode, arguments.device))


if __name__ == "__main__":
    main()
