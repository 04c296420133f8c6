#!/usr/bin/env python3
"""tools/ladder_pages --check finds what it is for: each planted mistake in a copy of the ladder and its pages is reported, and
the pages themselves are not. Rows of a page are what its counts come to, by sums that this test makes itself. And the
occupancy that the pages quote is that of NVIDIA's own formula, where the CUDA toolkit is installed.

Usage: ladder_pages_test.py     Exit codes: 0 all is well, 1 not."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from ladder.resources import occupancy  # noqa: E402

FAMILY = "kernels/ladder/gradient_penalty"
# file, what stands there, what the mistake puts in its place, words of the finding
MISTAKES = [
    (f"{FAMILY}/v1_thread_per_row.cu", "i < width; ++i) squares", "i < width - 1; ++i) squares", "has changed since it was counted"),
    (f"{FAMILY}/v1_thread_per_row.cu", "// Version 1: a thread", "// Version 1: a warp", "is not what its figures and sources say"),
    (f"{FAMILY}/v2_warp_per_row.cu", 'KANTOR_RUNG(gradient_penalty, 2, "', 'KANTOR_RUNG(gradient_penalty, 2, "not ', "has other versions than"),
    (f"{FAMILY}/gradient_tile.h", "deltas[k] * weights", "deltas[0] * weights", "has changed since it was counted"),
    (f"{FAMILY}/v2_warp_per_row.cu", "instead of **2,354**", "instead of **2,355**", "which no table of its page holds"),
    ("docs/kernels/gradient_penalty.md", "| none |", "| 8 B |", "is not what its figures and sources say"),
    ("bench/results/ladder/gradient_penalty.json", '"registers": ', '"registers": 1', "is not what its figures and sources say"),
    ("docs/kernels/images/gradient_penalty-v1.svg", 'data-code="', 'data-code="0', "is not of today's code"),
    ("docs/kernels/index.md", "- [`gradient_penalty`](gradient_penalty.md)\n", "", "lists other families"),
]

# Blocks that a multiprocessor of compute capability 9.0 holds, by cuda_occupancy.h: registers, shared bytes, threads, blocks.
PROGRAM = r"""
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <cuda_occupancy.h>
int main() {
  cudaOccDeviceProp device;
  std::memset(&device, 0, sizeof device);
  device.computeMajor = 9;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = 2048;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 48 * 1024;
  device.sharedMemPerMultiprocessor = 228 * 1024;
  device.sharedMemPerBlockOptin = 227 * 1024;
  device.reservedSharedMemPerBlock = 1024;
  device.numSms = 132;
  for (int registers : {16, 24, 32, 33, 40, 41, 64, 72, 80, 96, 128, 168, 255})
    for (int threads : {32, 64, 96, 128, 160, 256, 288, 384, 512, 1024})
      for (int shared : {0, 100, 1024, 4096, 16384, 20000, 49152, 100000, 232448}) {
        cudaOccFuncAttributes kernel;
        std::memset(&kernel, 0, sizeof kernel);
        kernel.maxThreadsPerBlock = 1024;
        kernel.numRegs = registers;
        kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
        kernel.maxDynamicSharedSizeBytes = 227 * 1024;
        kernel.numBlockBarriers = 1;
        cudaOccDeviceState state;
        std::memset(&state, 0, sizeof state);
        state.carveoutConfig = 100;
        cudaOccResult result;
        if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, threads, shared) != CUDA_OCC_SUCCESS) return 1;
        std::printf("%d %d %d %d\n", registers, shared, threads, result.activeBlocksPerMultiprocessor);
      }
}
"""


def differing_occupancy(folder):
    toolkit = next((p for p in (pathlib.Path("/usr/local/cuda/include"), pathlib.Path("/usr/include")) if (p / "cuda_occupancy.h").exists()), None)
    if toolkit is None:
        print("occupancy: not compared, because cuda_occupancy.h is missing (the CUDA toolkit brings it)")
        return 0
    source, program = folder / "occupancy.cpp", folder / "occupancy"
    source.write_text(PROGRAM)
    subprocess.run(["c++", f"-I{toolkit}", str(source), "-o", str(program)], check=True)
    wrong = compared = 0
    for line in subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.splitlines():
        registers, shared, threads, blocks = map(int, line.split())
        compared += 1
        if occupancy(registers, shared, threads)["blocks"] != blocks:
            wrong += 1
            print(f"occupancy: {registers} registers, {shared} bytes and {threads} threads are {blocks} blocks by cuda_occupancy.h")
    print(f"occupancy: {compared} cases compared, {wrong} differ")
    return wrong


def missing_rows():
    """Rows that the page of the gradient penalty should have, for 256 rows of 784; version 1 has 4 blocks of 2 warps."""
    family = json.loads((ROOT / "bench/results/ladder/gradient_penalty.json").read_text())
    page = (ROOT / "docs/kernels/gradient_penalty.md").read_text()
    kernels = [{k["name"]: k for k in rung["counts"][0]["kernels"]} for rung in family["rungs"][:2]]

    def total(version, names, key):
        return sum(kernels[version][name]["global"][kind][key] for name in names for kind in ("read", "write"))

    accesses, taken, fewest = (total(0, ["thread_per_row_kernel"], key) for key in ("accesses", "taken", "fewest"))
    floor = 4 * (256 * 8 + 8 * 784 + 2 * 256 * 784 + 256 + 1)
    before, after = total(0, ["thread_per_row_kernel", "add_rows_kernel"], "taken"), total(1, ["warp_per_row_kernel", "add_row_shares_kernel"], "taken")
    expected = [
        f"| - thread per row | 1 | 4 x 64 | 4 | {accesses / 8:,.0f} | {taken / accesses:.2f} / {fewest / accesses:.2f} | {32 * taken / floor:.2f} | - | - |",
        f"| sectors, of the floor | {32 * before / floor:.2f} | {32 * after / floor:.2f} | {before / after:.1f} times less |",
        "| multiprocessors busy | 4 | 32 | 8.0 times more |",
        "| warps | 8 | 256 | 32.0 times more |",
    ]
    missing = [row for row in expected if row not in page]
    for row in missing:
        print(f"docs/kernels/gradient_penalty.md has no row {row}")
    return len(missing)


def check(tree):
    done = subprocess.run([sys.executable, "tools/ladder_pages", "--check"], cwd=tree, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        failed += differing_occupancy(tree) + missing_rows()
        for part in ("kernels", "docs/kernels", "bench/results/ladder", "tools/ladder"):
            shutil.copytree(ROOT / part, tree / part)
        shutil.copy(ROOT / "tools/ladder_pages", tree / "tools/ladder_pages")
        code, said = check(tree)
        if code != 0:
            print(f"the pages themselves have findings:\n{said}")
            return 1
        for name, right, wrong, words in MISTAKES:
            text = (tree / name).read_text()
            if right not in text:
                print(f"{name} does not hold '{right}': this test has to follow it")
                failed += 1
                continue
            (tree / name).write_text(text.replace(right, wrong, 1))
            code, said = check(tree)
            (tree / name).write_text(text)
            if code != 1 or words not in said:
                print(f"not found: {wrong!r} in {name}; it said:\n{said}")
                failed += 1
    print(f"ladder_pages_test: {len(MISTAKES)} mistakes planted, {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
