// Version 5: while a block multiplies one step, the next one is already on its way. Version 4 did one after the other:
// it asked for the numbers of a step, waited for memory, wrote them to shared memory, waited for the other threads, and
// multiplied; the arithmetic stood idle for as long as memory took, k / 32 times, unless another block of the
// multiprocessor had work.
//
// Two things make the overlap possible. Shared memory holds two stages, 48 KiB, of which one is read while the other is
// filled. And the copies are asynchronous (cp.async): a thread starts a copy of 16 bytes from memory to shared memory
// and goes on; the numbers do not pass through its registers, and one instruction takes the place of a load and a
// store. A wait for the copies, then a barrier: it says that everybody's copies have landed and, at once, that
// everybody is done with the stage that is filled next. So one barrier a step is enough where version 4 needed two.
//
// Bytes, passes and multiply-adds are those of version 4; so are its sizes. The table shows only the price, **48.0** KB
// of shared memory instead of **24.0**: what is gained is time in which nothing waits, and that is not counted. On a
// GPU before Ampere, which cannot copy so, kernels/ptx.h copies at once.
#include "kernels/ladder/rung.h"
#include "kernels/pack.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int rows = 128, columns = 64, depth = 32;  // of a block's tile, and of a stage
constexpr int part = 8;                              // a thread makes part x part elements
constexpr int down = rows / part, across = columns / part, threads = down * across;
constexpr int left_floats = rows * depth, stage_floats = left_floats + depth * columns;

__global__ void __launch_bounds__(threads, 3)
    gemm_double_buffered_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  float* const shared = dynamic_shared<float>();
  const SharedFloats stages(shared);
  const int first_row = int(blockIdx.y) * rows, first_column = int(blockIdx.x) * columns;
  const int thread = threadIdx.x, y = thread / across, x = thread % across;
  const auto fill = [&](int stage, int k0) {
#pragma unroll
    for (int i = 0; i < rows * depth / 4; i += threads) {
      const int r = (i + thread) / (depth / 4), s = (i + thread) % (depth / 4) * 4;
      const bool inside = first_row + r < m && k0 + s < k;
      copy_async<4>(stages + (stage * stage_floats + r * depth + s), inside ? a + (first_row + r) * k + k0 + s : a,
                    inside);
    }
#pragma unroll
    for (int i = 0; i < depth * columns / 4; i += threads) {
      const int s = (i + thread) / (columns / 4), r = (i + thread) % (columns / 4) * 4;
      const bool inside = k0 + s < k && first_column + r < n;
      copy_async<4>(stages + (stage * stage_floats + left_floats + s * columns + r),
                    inside ? b + (k0 + s) * n + first_column + r : b, inside);
    }
    commit_copies();
  };

  float sums[part][part] = {};
  fill(0, 0);
  int stage = 0;
  for (int k0 = 0; k0 < k; k0 += depth) {
    await_copies<0>();
    __syncthreads();
    if (k0 + depth < k) fill(1 - stage, k0 + depth);
    const float* const of_a = shared + stage * stage_floats + y * depth;
    const float* const of_b = shared + stage * stage_floats + left_floats + x * 4;
#pragma unroll 1
    for (int i = 0; i < depth; i += 4) {
      float left[part][4];
#pragma unroll
      for (int p = 0; p < part; ++p) load_four(of_a + p * down * depth + i, left[p]);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float right[2][4];
        load_four(of_b + (i + j) * columns, right[0]);
        load_four(of_b + (i + j) * columns + columns / 2, right[1]);
#pragma unroll
        for (int p = 0; p < part; ++p) {
#pragma unroll
          for (int q = 0; q < part; ++q) sums[p][q] = fmaf(left[p][j], right[q / 4][q % 4], sums[p][q]);
        }
      }
    }
    stage = 1 - stage;
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
  launch<gemm_double_buffered_kernel>(
      {dim3(blocks_for(n, columns), blocks_for(m, rows)), threads, 2 * stage_floats * sizeof(float), stream},
      a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(
    gemm, 5, "two stages, filled by asynchronous copies", run,
    .takes = [](const ladder::Sizes& s) { return s[1] % 4 == 0 && s[2] % 4 == 0; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
