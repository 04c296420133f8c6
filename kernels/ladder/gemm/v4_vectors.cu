// Version 4: the same tiles, moved 16 bytes at a time. No byte is saved, but instructions are: for a step of 32 along k
// a thread copied 32 + 16 numbers and computed an address and a comparison for each; now it copies 8 + 4 pieces of four
// numbers. In the inner loop, 64 multiply-adds come with 4 loads instead of 16, 68 instructions in place of 80: warps
// access shared memory **8,960** times instead of **35,840** times. C is written in pieces of 16 bytes as well, 16
// stores a thread in place of 64.
//
// Four numbers along a row of B are four columns, so a thread now makes two groups of four neighbouring columns. Four
// numbers along a row of A are four k of one row: a thread reads 8 rows x 4 k at once and keeps them for four steps.
//
// Passes over shared memory stay 16 a k. 16 bytes a lane are taken a quarter warp at a time, and each quarter keeps to
// one pass: its 8 lanes read the same piece of A and 128 neighbouring bytes of B, and they write 128 neighbouring bytes
// of either. As no pass touches more than one row, the gap between the rows of A is not needed any more.
//
// The price: a thread holds more numbers at once, **164** registers instead of **111**, so that a multiprocessor holds
// **12** warps and not **16**.
//
// Addresses must be multiples of 16 bytes, so rows of A, B and C have to be: n and k that are no multiples of 4 are
// left to version 3.
#include "kernels/ladder/rung.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int rows = 128, columns = 64, depth = 32;  // of a block's tile, and of a step along k
constexpr int part = 8;                              // a thread makes part x part elements
constexpr int down = rows / part, across = columns / part, threads = down * across;

/// Copies four neighbours to shared memory, or zeros.
__device__ void copy_four(float* to, const float* from, bool inside) {
  float four[4] = {};
  if (inside) load_four(from, four);
  store_four(to, four);
}

__global__ void __launch_bounds__(threads, 3)
    gemm_vector_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  __shared__ __align__(16) float of_a[rows][depth];
  __shared__ __align__(16) float of_b[depth][columns];
  const int first_row = int(blockIdx.y) * rows, first_column = int(blockIdx.x) * columns;
  const int thread = threadIdx.x, y = thread / across, x = thread % across;
  float sums[part][part] = {};
  for (int k0 = 0; k0 < k; k0 += depth) {
#pragma unroll
    for (int i = 0; i < rows * depth / 4; i += threads) {
      const int r = (i + thread) / (depth / 4), s = (i + thread) % (depth / 4) * 4;
      copy_four(&of_a[r][s], a + (first_row + r) * k + k0 + s, first_row + r < m && k0 + s < k);
    }
#pragma unroll
    for (int i = 0; i < depth * columns / 4; i += threads) {
      const int s = (i + thread) / (columns / 4), r = (i + thread) % (columns / 4) * 4;
      copy_four(&of_b[s][r], b + (k0 + s) * n + first_column + r, k0 + s < k && first_column + r < n);
    }
    __syncthreads();
#pragma unroll 1
    for (int i = 0; i < depth; i += 4) {
      float left[part][4];
#pragma unroll
      for (int p = 0; p < part; ++p) load_four(&of_a[y + p * down][i], left[p]);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float right[2][4];
        load_four(&of_b[i + j][x * 4], right[0]);
        load_four(&of_b[i + j][x * 4 + columns / 2], right[1]);
#pragma unroll
        for (int p = 0; p < part; ++p) {
#pragma unroll
          for (int q = 0; q < part; ++q) sums[p][q] = fmaf(left[p][j], right[q / 4][q % 4], sums[p][q]);
        }
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int p = 0; p < part; ++p) {
#pragma unroll
    for (int q = 0; q < 2; ++q) {
      const int row = first_row + y + p * down, column = first_column + x * 4 + q * (columns / 2);
      const float four[4] = {sums[p][q * 4], sums[p][q * 4 + 1], sums[p][q * 4 + 2], sums[p][q * 4 + 3]};
      if (row < m && column < n) store_four(c + row * n + column, four);
    }
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<gemm_vector_kernel>({dim3(blocks_for(n, columns), blocks_for(m, rows)), threads, 0, stream}, a.inputs[0],
                             a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(
    gemm, 4, "16 bytes an access", run, .takes = [](const ladder::Sizes& s) { return s[1] % 4 == 0 && s[2] % 4 == 0; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
