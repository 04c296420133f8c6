// Version 8: float32 on tensor cores, by three TF32 products. TF32 keeps 11 bits of a number's 24, the leading one
// included, so x = high + low, where high is x rounded to TF32 and low is the rest, which is exact, rounded too. Of the
// four products of high and low parts three are made; low times low, at most 2^-22 of the whole, is left out. The
// result is as accurate as float32's, at three times the instructions of version 7: 48 for a step of 8 along k, or
// 16384 products in at least 48 clocks, 341 a clock and multiprocessor, still 2.7 times the 128 multiply-adds. Bytes,
// passes and sizes are those of version 7; shared memory, with 576 clocks a stage against 768 of tensor cores, is no
// longer what limits. A thread holds both parts of its operands and needs **238** registers instead of **167**, so that
// two blocks, **8** warps, fit on a multiprocessor where three did.
//
// Tensor cores cut where float32 rounds, always towards zero, and over a long k that adds up. So the sum of each 8
// products begins at zero and is added to the thread's sum by a float32 addition, which rounds to nearest: two sums of
// four registers for each instruction's 16 x 8 elements, one for the large products and one for the small, and 8
// additions for them a step. (Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores".)
//
// To be short, this version leaves out what the engine's kernel has (kernels/products/tensor_core.h): a scale that
// keeps the low part of numbers under 2^-115, and a repair of sums that are not finite, which infinities make NaN here.
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

/// x as the sum of two TF32 numbers.
__device__ void split_number(float x, uint32_t& high, uint32_t& low) {
  high = round_to_tf32(x) & 0xffffe000U;
  low = round_to_tf32(x - __uint_as_float(high));
}

__global__ void __launch_bounds__(threads, 2)
    gemm_three_tf32_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
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
#pragma unroll 1
    for (int i = 0; i < depth; i += 8) {
      uint32_t right_high[across][2], right_low[across][2];
#pragma unroll
      for (int q = 0; q < across; ++q) {
        split_number(of_b[i * b_stride + q * 8], right_high[q][0], right_low[q][0]);
        split_number(of_b[(i + 4) * b_stride + q * 8], right_high[q][1], right_low[q][1]);
      }
#pragma unroll
      for (int p = 0; p < down; ++p) {
        float four[4];
        uint32_t high[4], low[4];
        load_matrices(of_a + p * 16 * a_stride + i, four);
#pragma unroll
        for (int e = 0; e < 4; ++e) split_number(four[e], high[e], low[e]);
        float large[across][4] = {}, small[across][4] = {};
#pragma unroll
        for (int q = 0; q < across; ++q) multiply_tf32(small[q], low, right_high[q]);
#pragma unroll
        for (int q = 0; q < across; ++q) multiply_tf32(large[q], high, right_high[q]);
#pragma unroll
        for (int q = 0; q < across; ++q) multiply_tf32(small[q], high, right_low[q]);
#pragma unroll
        for (int q = 0; q < across; ++q) {
#pragma unroll
          for (int e = 0; e < 4; ++e) sums[p][q][e] += large[q][e] + small[q][e];
        }
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
  launch<gemm_three_tf32_kernel>(
      {dim3(blocks_for(n, columns), blocks_for(m, rows)), threads, 2 * stage_floats * sizeof(float), stream},
      a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(
    gemm, 8, "float32 by three TF32 products", run, .follows = 7, .error = 1e-6,
    .takes = [](const ladder::Sizes& s) { return s[1] % 4 == 0 && s[2] % 4 == 0 && tile_capability() >= 80; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
