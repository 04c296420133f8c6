"""Figures and numbers of the H100, from the committed measurements in bench/results/h100-2026-11-28.

    h100.py launches|steps|bandwidth|products|numbers FIGURE.svg
"""
import json
import pathlib
import sys

from chart import Chart, bars

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "bench/results/h100-2026-11-28"


def rows(name):
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def find(name, what, size, **more):
    return next(r for r in rows(name) if r.get("what") == what and r.get("size") == size and all(r.get(k) == v for k, v in more.items()))


def us(name, what, size, **more):
    return find(name, what, size, **more)["us"]


FACTS = rows("facts")
LAUNCH = next(f["us_per_node"] for f in FACTS if f.get("fact") == "empty kernel in a graph" and f["nodes"] == 100)
COPY = next(r["gbs"] for r in rows("probe_own") if r.get("what") == "copy")
SIZES = [("MLP, width 64, batch 64", "MLP 64 B64"), ("MLP, width 128, batch 256", "MLP 128 B256"), ("MLP, width 512, batch 256", "MLP 512 B256"),
         ("DCGAN 28x28, dim 64", "DCGAN28 dim64 B64"), ("DCGAN 64x64, dim 64", "DCGAN64 dim64 B64")]


def launches(figure):
    groups = []
    for label, size in SIZES[:3]:
        for constraint in ("clip", "penalty"):
            row = find("probe_own", f"critic step, {constraint}", size)
            floor = row["launches"] * LAUNCH
            groups.append((f"{label.replace('MLP, ', '')}, {constraint}", [("launches, if each kernel were empty", floor, 0), ("the rest", row["us"] - floor, 1)]))
            print(f"{size}, {constraint}: {row['us']:.0f} us, {row['launches']} launches, of which empty launches would take {floor:.0f} us, share {100 * floor / row['us']:.0f} %")
    print(f"an empty kernel in a graph: {LAUNCH:.3f} us")
    bars(figure, "A captured critic step on an H100", "microseconds a step", groups)


def steps(figure):
    groups = []
    for label, size in SIZES:
        own, peer = us("probe_own", "critic step, penalty", size), us("peers_torch", "critic step, penalty", size, peer="torch graph")
        eager = us("peers_torch", "critic step, penalty", size, peer="torch eager")
        groups += [(f"{label}: Kantor", [("Kantor, captured", own, 1)]), ("PyTorch, CUDA graph", [("PyTorch, CUDA graph", peer, 4)]),
                   ("PyTorch, eager", [("PyTorch, eager", eager, 0)])]
        print(f"{size}, penalty: Kantor {own:.0f} us; graph {peer:.0f} us; eager {eager:.0f} us; graph / Kantor {peer / own:.2f}; eager / graph {eager / peer:.1f}")
    for size in ("MLP 512 B256", "MLP 128 B256"):
        jax, own = us("peers_jax", "critic step, penalty", size), us("probe_own", "critic step, penalty", size)
        print(f"{size}, penalty: JAX {jax:.0f} us, Kantor / JAX {own / jax:.2f}")
    for label, size in SIZES:
        clip, penalty = (us("probe_own", f"critic step, {c}", size) for c in ("clip", "penalty"))
        print(f"{size}: penalty / clip {penalty / clip:.2f}")
    for label, size in SIZES[3:]:
        own, peer = us("probe_own", "generator step", size), us("peers_torch", "generator step", size, peer="torch graph")
        print(f"{size}, generator: Kantor / PyTorch graph {own / peer:.2f}")
    bars(figure, "A penalised critic step on an H100", "microseconds a step (logarithmic)", groups, log=True)


def bandwidth(figure):
    chart = Chart("How much of the memory's rate a kernel reaches (H100)", "megabytes that the kernel has to move", "GB/s", log_x=True)
    kernels = {"adam+clip+stats": "Adam + clip + statistics", "norm+penalty+derivative": "norm + penalty + derivative", "interpolate+rng": "interpolation", "sum all": "sum of everything"}
    for k, (what, name) in enumerate(kernels.items()):
        found = sorted((r["gbs"] * r["us"] * 1e-3, r["gbs"], r["size"]) for r in rows("probe_own") if r.get("what") == what and "gbs" in r)
        if what not in ("norm+penalty+derivative", "sum all"):  # those two depend on the shape, not on the size alone
            chart.line(name, [x for x, _, _ in found], [y for _, y, _ in found], colour=k)
        else:
            chart.points(name, [x for x, _, _ in found], [y for _, y, _ in found], colour=k)
        for megabytes, rate, size in found:
            print(f"{name}, {size}: {rate:.0f} GB/s, {megabytes * 1e3 / rate:.1f} us, share of the copy's rate {100 * rate / COPY:.0f} %")
    print(f"copy of 1 GB: {COPY:.0f} GB/s")
    chart.mark(f"a large copy: {COPY:.0f} GB/s", y=COPY)
    chart.write(figure)


def products(figure):
    groups = []
    for size in ("256x512x512", "768x512x512", "1024x1024x1024", "4096x4096x4096"):
        m, k, n = (int(x) for x in size.split("x"))
        for name, what, of, colour in (("our kernel", "matmul own kernel", "probe_own", 0), ("cuBLAS, float32", "matmul cublas", "probe_own", 1), ("cuBLAS, TF32", "matmul cublas", "probe_tf32", 4)):
            row = find(of, what, size)
            groups.append((f"{size}: {name}", [(None, row["gflops"] / 1e3, colour)]))
            print(f"{size}, {name}: {row['gflops'] / 1e3:.1f} TFLOP/s, {row['us']:.1f} us")
    bars(figure, "Matrix products on an H100", "TFLOP/s (logarithmic)", groups, log=True)


{"launches": launches, "steps": steps, "bandwidth": bandwidth, "products": products}[sys.argv[1]](sys.argv[2])
