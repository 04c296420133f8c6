// Version 3: a thread makes 8 x 8 elements of C and keeps their sums in registers. For each k it reads 8 numbers of A
// and 8 of B from shared memory and makes 64 multiply-adds of them: a quarter of a load a multiply-add, where version 2
// had two. This is the step that matters most: **35,840** passes over shared memory instead of **270,336**. The 16
// passes of a warp for a k take 16 clocks, and its 64 multiply-adds, four a clock, 16 too: for the first time
// arithmetic need not wait for its numbers. (All 80 instructions are 20 clocks on the four schedulers, of which 16 are
// arithmetic.)
//
// 128 threads, 16 down and 8 across, make a tile of 128 x 64, so that the second-level cache gives 4 m n k (1/128 +
// 1/64) bytes, 3/32 of a byte a product, 2.7 times less than before; the table has **1.60** times the floor instead of
// **3.60**. Rows of A in shared memory are 33 numbers long, not 32: the four rows that a warp reads at once then begin
// in different banks, where they would all meet in one and take four passes.
//
// The price: a tile is eight times as large, so small products are cut into few blocks, for the 132 multiprocessors of
// an H100: 256 x 512 into 16, and 128 x 256, the size of the table, into **4**, where version 2 had **32**. At that
// size versions 3 to 5 leave most of the GPU idle, and nothing says that they are faster there than version 2; 4096 x
// 4096 is 2048 tiles, enough for all. And a thread needs **111** registers, 64 of them for its sums, so that **16**
// warps fit on a multiprocessor to hide each other's waits, and not **64**.
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int rows = 128, columns = 64, depth = 32;  // of a block's tile, and of a step along k
constexpr int part = 8;                              // a thread makes part x part elements,
constexpr int down = rows / part, across = columns / part, threads = down * across;  // that lie so far apart

__global__ void __launch_bounds__(threads)
    gemm_register_tile_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  __shared__ float of_a[rows][depth + 1], of_b[depth][columns];
  const int first_row = int(blockIdx.y) * rows, first_column = int(blockIdx.x) * columns;
  const int thread = threadIdx.x, y = thread / across, x = thread % across;
  float sums[part][part] = {};
  for (int k0 = 0; k0 < k; k0 += depth) {
    for (int i = thread; i < rows * depth; i += threads) {
      const int row = first_row + i / depth, at = k0 + i % depth;
      of_a[i / depth][i % depth] = row < m && at < k ? a[row * k + at] : 0.0F;
    }
    for (int i = thread; i < depth * columns; i += threads) {
      const int at = k0 + i / columns, column = first_column + i % columns;
      of_b[i / columns][i % columns] = at < k && column < n ? b[at * n + column] : 0.0F;
    }
    __syncthreads();
    for (int i = 0; i < depth; ++i) {
      float left[part], right[part];
#pragma unroll
      for (int p = 0; p < part; ++p) {
        left[p] = of_a[y + p * down][i];
        right[p] = of_b[i][x + p * across];
      }
#pragma unroll
      for (int p = 0; p < part; ++p) {
#pragma unroll
        for (int q = 0; q < part; ++q) sums[p][q] = fmaf(left[p], right[q], sums[p][q]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int p = 0; p < part; ++p) {
#pragma unroll
    for (int q = 0; q < part; ++q) {
      const int row = first_row + y + p * down, column = first_column + x + q * across;
      if (row < m && column < n) c[row * n + column] = sums[p][q];
    }
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<gemm_register_tile_kernel>({dim3(blocks_for(n, columns), blocks_for(m, rows)), threads, 0, stream},
                                    a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(gemm, 3, "8 x 8 sums a thread in registers", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
