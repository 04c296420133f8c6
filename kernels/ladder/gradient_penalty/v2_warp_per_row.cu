// Version 2: a warp a row. Its lanes read neighbouring elements, so that every fetched sector is used whole, and there
// are 32 times as many threads; the norm is a sum over the lanes by shuffles. The row is still read twice: 12 bytes an
// element, of which a row that fits the first-level cache pays 8.
#include "kernels/block.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

__global__ void warp_per_row_kernel(const float* g, float* derivative, float* norms, double* shares, int64_t rows,
                                    int64_t width) {
  const int64_t r = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  double squares = 0;
  if (r < rows) {
    for (int64_t i = lane; i < width; i += 32) squares += double(g[r * width + i]) * double(g[r * width + i]);
  }
  const double n = sqrt(warp_sum(squares)), share = 10 / double(rows);
  if (r >= rows) return;
  const double factor = n == 0 ? 0 : share * 2 * (n - 1) / n;
  for (int64_t i = lane; i < width; i += 32) derivative[r * width + i] = float(factor * double(g[r * width + i]));
  if (lane == 0) {
    norms[r] = float(n);
    shares[r] = share * (n - 1) * (n - 1);
  }
}

/// One block adds the rows: strided parts in order, then the threads' sums.
__global__ void add_rows_by_block_kernel(const double* shares, float* value, int64_t rows) {
  __shared__ double scratch[32];
  double total = 0;
  for (int64_t r = threadIdx.x; r < rows; r += threads) total += shares[r];
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) *value = float(total);
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  launch<warp_per_row_kernel>({blocks_for(rows, threads / 32), threads, 0, stream}, a.inputs[0], a.outputs[1],
                              a.outputs[2], a.workspace, rows, width);
  launch<add_rows_by_block_kernel>({1, threads, 0, stream}, a.workspace, a.outputs[0], rows);
}

KANTOR_RUNG(gradient_penalty, 2, "a warp a row, coalesced, two reads", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
