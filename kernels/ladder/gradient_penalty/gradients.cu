// The product that makes the gradients, for the versions of `gradient_penalty` that measure them later, and the sum of
// the rows' shares. Bytes of the product: 4 an element of g, which is written, and the weights once for 8 rows, which
// the second-level cache has.
#include "kernels/block.h"
#include "kernels/ladder/gradient_penalty/gradient_tile.h"
#include "kernels/ladder/gradient_penalty/gradients.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

__global__ void make_gradients_kernel(const float* delta, const float* w, float* g, int64_t rows, int64_t width) {
  make_gradient_tile(delta, w, g, rows, width, [](int, double) {});
}

/// Each thread adds a strided part in order, then the block adds the threads' sums.
__global__ void add_row_shares_kernel(const double* shares, float* value, int64_t rows) {
  __shared__ double scratch[32];
  double total = 0;
  for (int64_t r = threadIdx.x; r < rows; r += threads) total += shares[r];
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) *value = float(total);
}

}  // namespace

void make_gradients(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  launch<make_gradients_kernel>({blocks_for(ladder::gradient_penalty::tiles(rows, width), 1), tile_threads, 0, stream},
                                a.inputs[0], a.inputs[1], a.outputs[3], rows, width);
}

void add_row_shares(const double* shares, float* value, int64_t rows, Stream stream) {
  launch<add_row_shares_kernel>({1, threads, 0, stream}, shares, value, rows);
}

}  // namespace kantor::KANTOR_BACKEND
