// Version 7: tensor cores. One instruction of a warp (mma.sync) multiplies 16 x 8 of A by 8 x 8 of B: 1024 products,
// where a multiply-add of a warp makes 32. Their operands are TF32, float32 numbers of which 10 bits of mantissa are
// kept, 11 with the leading one, which is not stored; the sums stay float32. Each operand is rounded to nearest as it
// comes from shared memory, so a product is off by up to 2^-10 of itself: this version, and version 9, are for those
// who can bear that.
//
// This version changes version 5, and its arithmetic alone: tiles, stages, copies and sizes are the same; GPUs from
// Ampere on have the instruction. Four warps make 64 x 32 each, of 4 x 4 instructions a step of 8 along k, whose sums
// are 64 registers a thread as before. What limits now is shared memory. For a step of 8 a warp reads 64 x 8 of A by
// four instructions that fetch four 8 x 4 matrices each (ldmatrix, 16 passes) and 8 x 32 of B by eight single loads (8
// passes), 24 passes for 16384 products. In a stage of 32 along k that is 384 clocks of shared memory for the four
// warps, and 192 more for the 24 KiB that copies write, where tensor cores could be done in 256: the limit is 455
// products a clock and multiprocessor. Multiply-adds had 128. The table has **9,216** passes for the same product
// instead of **35,840**.
//
// A lane needs B at (k, column) = (lane mod 4, lane / 4). Rows of B are therefore 72 numbers long, 8 more than the tile
// has: the four rows that a load touches then begin 8 banks apart, and its 32 numbers lie in 32 banks. Rows of A, 36
// numbers long, begin 4 banks apart: eight of them, 16 bytes each, fill all banks too.
#include "kernels/ladder/rung.h"
#include "kernels/products/products.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int rows = 128, columns = 64, depth = 32, threads = 128;  // of a block's tile, and of a stage
constexpr int warp_rows = 64, warp_columns = 32;                    // of a warp's part
constexpr int down = warp_rows / 16, across = warp_columns / 8;     // instructions for each 8 along k
constexpr int a_stride = depth + 4, b_stride = columns + 8;
constexpr int left_floats = rows * a_stride, stage_floats = left_floats + depth * b_stride;

__global__ void __launch_bounds__(threads, 3)
    gemm_tf32_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  float* const shared = dynamic_shared<float>();
  const SharedFloats stages(shared);
  const int first_row = int(blockIdx.y) * rows, first_column = int(blockIdx.x) * columns;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int warp_row = warp / (columns / warp_columns) * warp_rows;
  const int warp_column = warp % (columns / warp_columns) * warp_columns;
  const auto fill = [&](int stage, int k0) {
#pragma unroll
    for (int i = 0; i < rows * depth / 4; i += threads) {
      const int r = (i + thread) / (depth / 4), s = (i + thread) % (depth / 4) * 4;
      const bool inside = first_row + r < m && k0 + s < k;
      copy_async<4>(stages + (stage * stage_floats + r * a_stride + s), inside ? a + (first_row + r) * k + k0 + s : a,
                    inside);
    }
#pragma unroll
    for (int i = 0; i < depth * columns / 4; i += threads) {
      const int s = (i + thread) / (columns / 4), r = (i + thread) % (columns / 4) * 4;
      const bool inside = k0 + s < k && first_column + r < n;
      copy_async<4>(stages + (stage * stage_floats + left_floats + s * b_stride + r),
                    inside ? b + (k0 + s) * n + first_column + r : b, inside);
    }
    commit_copies();
  };

  float sums[down][across][4] = {};
  fill(0, 0);
  int stage = 0;
  for (int k0 = 0; k0 < k; k0 += depth) {
    await_copies<0>();
    __syncthreads();
    if (k0 + depth < k) fill(1 - stage, k0 + depth);
    const float* const of_a = shared + stage * stage_floats + (warp_row + lane % 16) * a_stride + lane / 16 * 4;
    const float* const of_b =
        shared + stage * stage_floats + left_floats + lane % 4 * b_stride + warp_column + lane / 4;
#pragma unroll
    for (int i = 0; i < depth; i += 8) {
      uint32_t right[across][2];
#pragma unroll
      for (int q = 0; q < across; ++q) {
        right[q][0] = round_to_tf32(of_b[i * b_stride + q * 8]);
        right[q][1] = round_to_tf32(of_b[(i + 4) * b_stride + q * 8]);
      }
#pragma unroll
      for (int p = 0; p < down; ++p) {
        float four[4];
        load_matrices(of_a + p * 16 * a_stride + i, four);
        const uint32_t left[4] = {round_to_tf32(four[0]), round_to_tf32(four[1]), round_to_tf32(four[2]),
                                  round_to_tf32(four[3])};
#pragma unroll
        for (int q = 0; q < across; ++q) multiply_tf32(sums[p][q], left, right[q]);
      }
    }
    stage = 1 - stage;
  }
  // A lane has two neighbours of row lane / 4 and two of the row 8 below.
#pragma unroll
  for (int p = 0; p < down; ++p) {
#pragma unroll
    for (int q = 0; q < across; ++q) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + warp_row + p * 16 + half * 8 + lane / 4;
        const int column = first_column + warp_column + q * 8 + lane % 4 * 2;
        if (row < m && column < n) {
          *reinterpret_cast<float2*>(c + row * n + column) =
              make_float2(sums[p][q][half * 2], sums[p][q][half * 2 + 1]);
        }
      }
    }
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<gemm_tf32_kernel>(
      {dim3(blocks_for(n, columns), blocks_for(m, rows)), threads, 2 * stage_floats * sizeof(float), stream},
      a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(
    gemm, 7, "TF32 on tensor cores", run, .follows = 5, .error = 0x1p-10,
    .takes = [](const ladder::Sizes& s) { return s[1] % 4 == 0 && s[2] % 4 == 0 && tile_capability() >= 80; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
