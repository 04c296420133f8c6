// Version 6: k is cut as well. A tile of 128 x 64 leaves small products few blocks: 256 x 512 makes 16, and 116 of the
// 132 multiprocessors of an H100 have nothing to do. Smaller tiles would read more (the second-level cache gives 4 m n
// k (1 / rows + 1 / columns) bytes). Instead, `splits` blocks share a tile: each takes a stretch of k and leaves its
// partial tile in memory, and a second launch adds the partial tiles in the order of the stretches. Time falls by as
// much as more multiprocessors take part: for 256 x 512 x 512, 8 stretches make 128 blocks, of which each goes 2 steps
// along k instead of 16.
//
// For the size of the table, 128 x 256 x 128, it is **8** blocks instead of **4**, at the least length of a stretch,
// and the price shows more than the gain: **3.20** times the floor instead of **1.60**, and **2** launches.
//
// The price: 4 m n splits bytes written and as many read again (4 MB each for 256 x 512 in 8, which stay in the
// second-level cache), and a second launch. So `splits` is only as large as about two blocks a multiprocessor need, no
// stretch is shorter than 64, and a product that has blocks enough is not split: it is version 5.
//
// Atomic additions to C would save the second launch, but floats added in the order in which blocks happen to finish
// make other bits every time. Here the order is fixed.
#include "kernels/ladder/gemm/workspace.h"
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
    gemm_split_kernel(const float* a, const float* b, float* partials, int m, int n, int all_k, int stretch) {
  const int k_begin = int(blockIdx.z) * stretch, k = min(k_begin + stretch, all_k);
  float* const c = partials + int64_t(blockIdx.z) * m * n;
  float* const shared = dynamic_shared<float>();
  const SharedFloats stages(shared);
  const int first_row = int(blockIdx.y) * rows, first_column = int(blockIdx.x) * columns;
  const int thread = threadIdx.x, y = thread / across, x = thread % across;
  const auto fill = [&](int stage, int k0) {
#pragma unroll
    for (int i = 0; i < rows * depth / 4; i += threads) {
      const int r = (i + thread) / (depth / 4), s = (i + thread) % (depth / 4) * 4;
      const bool inside = first_row + r < m && k0 + s < k;
      copy_async<4>(stages + (stage * stage_floats + r * depth + s), inside ? a + (first_row + r) * all_k + k0 + s : a,
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
  fill(0, k_begin);
  int stage = 0;
  for (int k0 = k_begin; k0 < k; k0 += depth) {
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

__global__ void gemm_add_splits_kernel(const float* partials, float* c, int size, int splits) {
  const int i = int(blockIdx.x) * int(blockDim.x) + int(threadIdx.x);
  if (i >= size) return;
  float sum = 0;
  for (int split = 0; split < splits; ++split) sum += partials[int64_t(split) * size + i];
  c[i] = sum;
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  const int64_t steps = (k + depth - 1) / depth, wanted = ladder::gemm::splits_of(m, n, k);
  const int64_t stretch = (steps + wanted - 1) / wanted * depth, splits = (k + stretch - 1) / stretch;
  float* const partials = splits == 1 ? a.outputs[0] : ladder::gemm::partial_sums(a.workspace);
  launch<gemm_split_kernel>({dim3(blocks_for(n, columns), blocks_for(m, rows), blocks_for(splits, 1)), threads,
                             2 * stage_floats * sizeof(float), stream},
                            a.inputs[0], a.inputs[1], partials, m, n, k, stretch);
  if (splits == 1) return;
  launch<gemm_add_splits_kernel>({blocks_for(m * n, 256), 256, 0, stream}, partials, a.outputs[0], m * n, splits);
}

KANTOR_RUNG(
    gemm, 6, "k split over blocks, added in order", run,
    .takes = [](const ladder::Sizes& s) { return s[1] % 4 == 0 && s[2] % 4 == 0; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
