// Version 2: a warp a row. Its 32 threads read 32 neighbouring elements, 128 bytes that are 4 sectors, all of which
// are wanted, where version 1 fetched up to 32 sectors for them. There are 32 times as many threads, and a row takes a
// 32nd of the steps. Each thread adds the squares of every 32nd element, and the norm is the sum over the warp, which
// five shuffles give to all of its threads; no barrier is needed, since a warp needs none.
//
// Bytes and launches stay: the row is still read twice, 16 bytes an element with the product's write. The second read
// costs less than the first where a cache still has the row, which depends on how long the rows are and how many are
// under way at once. The last launch adds the rows' shares with 256 threads instead of one: rows / 256 dependent
// additions, then a tree, where version 1 had one chain of as many additions as there are rows.
#include "kernels/block.h"
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "kernels/ladder/gradient_penalty/row_share.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256, warps = threads / 32;

__global__ void warp_per_row_kernel(const float* g, float* derivative, float* norms, double* shares, int64_t rows,
                                    int64_t width) {
  const int64_t r = int64_t(blockIdx.x) * warps + threadIdx.x / 32;
  if (r >= rows) return;  // a warp as a whole
  const int lane = threadIdx.x % 32;
  double squares = 0;
  for (int64_t i = lane; i < width; i += 32) squares += double(g[r * width + i]) * double(g[r * width + i]);
  const double n = sqrt(warp_sum(squares));
  const RowPenalty p = share_of_row(n, rows);
  for (int64_t i = lane; i < width; i += 32) derivative[r * width + i] = float(p.factor * double(g[r * width + i]));
  if (lane == 0) {
    norms[r] = float(n);
    shares[r] = p.value;
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  make_gradients(a, stream);
  launch<warp_per_row_kernel>({blocks_for(rows, warps), threads, 0, stream}, a.outputs[3], a.outputs[1], a.outputs[2],
                              a.workspace, rows, width);
  add_row_shares(a.workspace, a.outputs[0], rows, stream);
}

KANTOR_RUNG(gradient_penalty, 2, "a warp a row, neighbours read neighbours", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
