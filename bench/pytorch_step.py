#!/usr/bin/env python3
"""The critic steps of step_bench.cpp in PyTorch, eager: the peer. Needs torch, which the project itself does not.

Usage: pytorch_step.py [--threads N]     Prints median milliseconds of each step.
"""
import argparse
import statistics
import time

import torch


def mlp(out, width):
    layers, size = [], 2
    for _ in range(3):
        layers += [torch.nn.Linear(size, width), torch.nn.ReLU()]
        size = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(size, out))


def dcgan_critic(dim):
    conv = lambda i, o: [torch.nn.Conv2d(i, o, 5, 2, 2), torch.nn.LeakyReLU(0.2)]
    return torch.nn.Sequential(*conv(1, dim), *conv(dim, 2 * dim), *conv(2 * dim, 4 * dim), torch.nn.Flatten(),
                               torch.nn.Linear(4 * 4 * 4 * dim, 1))


def dcgan_generator(dim, z):
    up = lambda i, o, extra: torch.nn.ConvTranspose2d(i, o, 5, 2, 2, output_padding=extra)
    return torch.nn.Sequential(torch.nn.Linear(z, 16 * 4 * dim), torch.nn.ReLU(), torch.nn.Unflatten(1, (4 * dim, 4, 4)),
                               up(4 * dim, 2 * dim, 0), torch.nn.ReLU(), up(2 * dim, dim, 1), torch.nn.ReLU(),
                               up(dim, 1, 1), torch.nn.Sigmoid())


def critic_step(critic, generator, real, z, penalised):
    optimizer = torch.optim.Adam(critic.parameters(), 1e-4, (0.5, 0.9)) if penalised else torch.optim.RMSprop(critic.parameters(), 5e-5)
    batch = real.shape[0]

    def step():
        with torch.no_grad():
            fake = generator(torch.randn(batch, z))
        loss = critic(fake).mean() - critic(real).mean()
        if penalised:
            eps = torch.rand(batch, *[1] * (real.dim() - 1))
            between = (eps * real + (1 - eps) * fake).requires_grad_()
            g, = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            loss = loss + 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if not penalised:
            with torch.no_grad():
                torch._foreach_clamp_min_(list(critic.parameters()), -0.01)
                torch._foreach_clamp_max_(list(critic.parameters()), 0.01)

    return step


def generator_step(critic, generator, batch, z):
    optimizer = torch.optim.Adam(generator.parameters(), 1e-4, (0.5, 0.9))

    def step():
        loss = -critic(generator(torch.randn(batch, z))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def median_ms(step, seconds=3.0):
    for _ in range(3):
        step()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for width, batch in ((512, 256), (128, 256), (128, 64), (64, 64)):
        for name, penalised in (("clip", False), ("penalty", True)):
            step = critic_step(mlp(1, width), mlp(2, width), torch.ones(batch, 2), 2, penalised)
            print(f"critic_step/{name}/{width}/{batch}/{arguments.threads}: {median_ms(step):.3f} ms", flush=True)
    for dim in (16, 64):
        critic = dcgan_critic(dim).to(memory_format=torch.channels_last)
        generator = dcgan_generator(dim, 128).to(memory_format=torch.channels_last)
        real = torch.rand(64, 1, 28, 28)
        for name, penalised in (("clip", False), ("penalty", True)):
            step = critic_step(critic, generator, real, 128, penalised)
            print(f"dcgan_critic_step/{name}/{dim}/64/{arguments.threads}: {median_ms(step):.3f} ms", flush=True)
        print(f"dcgan_generator_step/{dim}/64/{arguments.threads}: {median_ms(generator_step(critic, generator, 64, 128)):.3f} ms", flush=True)


if __name__ == "__main__":
    main()
