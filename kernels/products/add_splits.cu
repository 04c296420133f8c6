// The second launch of a product that is split along k: adds the partial results. A block has 32 neighbours; each of
// its warps adds a stretch of the splits, in their order, and the first warp adds the stretches, in theirs. 4 (splits +
// 1) size bytes.
#include "kernels/backend.h"
#include "kernels/products/launch_tiles.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int add_splits_warps = 8;
__global__ void __launch_bounds__(32 * add_splits_warps)
    add_splits_kernel(const float* partial, int splits, int64_t size, int columns, Epilogue<float> epilogue,
                      float* out) {
  __shared__ float sums[add_splits_warps][32];
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  const int stretch = (splits + add_splits_warps - 1) / add_splits_warps;
  const int64_t i = int64_t(blockIdx.x) * 32 + lane;
  float sum = 0;
  if (i < size) {
#pragma unroll 4
    for (int s = warp * stretch; s < min((warp + 1) * stretch, splits); ++s) sum += __ldcg(partial + s * size + i);
  }
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || i >= size) return;
#pragma unroll
  for (int w = 1; w < add_splits_warps; ++w) sum += sums[w][lane];
  out[i] = epilogue(i % columns, i, sum);
}

}  // namespace

void add_splits(const TileLaunch& l) {
  launch<add_splits_kernel>({blocks_for(l.out_size, 32), 32 * add_splits_warps, 0, l.stream}, l.memory.workspace,
                            l.plan.splits, l.out_size, int(l.columns), l.epilogue, l.out);
}

}  // namespace kantor::KANTOR_BACKEND
