"""How much of what a GPU fetches does a kernel use? Counts the 32-byte sectors that one warp's load touches, for the three
versions of kernels/ladder/gradient_penalty, and the bytes that the whole kernel moves.

    sectors.py ROWS WIDTH [FIGURE.svg]
"""
import sys

from chart import bars

rows, width = int(sys.argv[1]), int(sys.argv[2])
FLOAT, SECTOR, WARP = 4, 32, 32


def sectors(elements):
    """The sectors that hold these elements of an array of floats."""
    return len({e * FLOAT // SECTOR for e in elements})


thread_per_row = sectors(lane * width for lane in range(WARP))  # lane k reads the first element of row k
warp_per_row = sectors(range(WARP))                             # lane k reads element k of one row
for name, count in (("a thread a row", thread_per_row), ("a warp a row", warp_per_row)):
    print(f"{name}: one load of a warp touches {count} sectors, {count * SECTOR} bytes, and uses {WARP * FLOAT} of them")
elements = rows * width
two_reads, one_read = 12 * elements / 1e6, 8 * elements / 1e6
print(f"two reads and a write: {two_reads:.2f} MB")
print(f"one read and a write: {one_read:.2f} MB")
print(f"at 3026 GB/s that takes: {one_read / 3026 * 1e3:.2f} us")
if len(sys.argv) > 3:
    bars(sys.argv[3], "Bytes that one load of a warp fetches", "bytes",
         [("1: a thread a row", [("used", WARP * FLOAT, 2), ("fetched in vain", thread_per_row * SECTOR - WARP * FLOAT, 0)]),
          ("2: a warp a row", [("used", WARP * FLOAT, 2), ("fetched in vain", warp_per_row * SECTOR - WARP * FLOAT, 0)]),
          ("3: the row stays on chip", [("used", WARP * FLOAT, 2), ("fetched in vain", warp_per_row * SECTOR - WARP * FLOAT, 0)])])
