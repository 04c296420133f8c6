// Version 2: a block makes a tile of C, 32 x 32, and keeps what it needs of A and B in shared memory. Along k it goes
// in steps of 32: its 1024 threads copy a square of A and a square of B, one number of each a thread, wait for each
// other, and then every number that was copied serves 32 products instead of one.
//
// From the second-level cache come 4 m n k (1/32 + 1/32) bytes, a quarter of a byte a product, two and a half times
// less than in version 1, and now by plan: no cache has to be lucky. The table counts what is asked of the first-level
// cache, and there the step is larger, from **64.40** times the floor to **3.60**, because a number that came to shared
// memory is not asked for again. The price is two barriers for each 32 along k: one behind the copies, and one before
// the next ones overwrite what others may still read.
//
// What did not change: every multiply-add still loads its two numbers, now from shared memory. A warp's load of A is
// one number for all lanes, and that of B 32 neighbours in the 32 banks: one pass each, two passes a multiply-add, and
// shared memory serves one pass a clock. So the limit is still an eighth of the arithmetic, **270,336** passes in all;
// only the waits are shorter.
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int tile = 32;

__global__ void __launch_bounds__(tile* tile)
    gemm_shared_tile_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  __shared__ float of_a[tile][tile], of_b[tile][tile];
  const int x = threadIdx.x, y = threadIdx.y;
  const int row = int(blockIdx.y) * tile + y, column = int(blockIdx.x) * tile + x;
  float sum = 0;
  for (int k0 = 0; k0 < k; k0 += tile) {
    of_a[y][x] = row < m && k0 + x < k ? a[row * k + k0 + x] : 0.0F;
    of_b[y][x] = k0 + y < k && column < n ? b[(k0 + y) * n + column] : 0.0F;
    __syncthreads();
    for (int i = 0; i < tile; ++i) sum = fmaf(of_a[y][i], of_b[i][x], sum);
    __syncthreads();
  }
  if (row < m && column < n) c[row * n + column] = sum;
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<gemm_shared_tile_kernel>({dim3(blocks_for(n, tile), blocks_for(m, tile)), dim3(tile, tile), 0, stream},
                                  a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(gemm, 2, "tiles in shared memory", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
