// Version 1: a thread an element of C. It walks along a row of A and down a column of B and adds k products: 2 m n k
// FLOPs in all, which no version can avoid. What every later version works on is how the numbers get there.
//
// Each product needs two numbers, and each number is a load: threads ask for 8 m n k bytes, where 4 (m k + k n + m n)
// bytes are all there is. The 32 threads of a warp make neighbours of a row, so that a load of B is one run of 128
// bytes and a load of A is one number for all of them, a sector of 32 bytes: 5 bytes a product are asked of the
// first-level cache, with C **64.40** times the floor for 128 x 256 x 128. The cache catches most of the repetition: a
// block of 8 x 32 elements needs 8 rows of A and 32 columns of B, 4 k (8 + 32) bytes, and the second-level cache gives
// 4 m n k (1/32 + 1/8) bytes, 5/8 of a byte a product, 8 times the floor.
//
// The limit is elsewhere: a multiprocessor of an H100 can start four multiply-adds of a warp in a clock, but one load.
// With two loads a multiply-add, at least seven eighths of its arithmetic stand idle.
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int rows = 8, columns = 32;  // of a block

__global__ void gemm_naive_kernel(const float* a, const float* b, float* c, int m, int n, int k) {
  const int row = int(blockIdx.y) * rows + int(threadIdx.y), column = int(blockIdx.x) * columns + int(threadIdx.x);
  if (row >= m || column >= n) return;
  float sum = 0;
  for (int i = 0; i < k; ++i) sum = fmaf(a[row * k + i], b[i * n + column], sum);
  c[row * n + column] = sum;
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<gemm_naive_kernel>({dim3(blocks_for(n, columns), blocks_for(m, rows)), dim3(columns, rows), 0, stream},
                            a.inputs[0], a.inputs[1], a.outputs[0], m, n, k);
}

KANTOR_RUNG(gemm, 1, "a thread an element", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
