// Version 1: a thread a row. The gradient penalty of a WGAN wants each sample's gradient g by the critic's input to
// have norm 1: it is 10 times the mean of (n - 1)^2 over the rows of a batch, with n = |g|, and its derivative by g is
// 20 / rows (n - 1) / n g. So a row is read to take its norm, and then scaled by a number that depends on all of it.
//
// In all versions g is made first, by a product that writes it: 4 bytes an element. This version then reads it twice,
// once for the norm and once to scale it, and writes the derivative: 16 bytes an element in all. There are 3 launches:
// the product, the rows, and one thread that adds the rows' shares of the penalty.
//
// The bytes are not the worst of it. Memory is read in sectors of 32 bytes, 8 floats. Neighbouring threads read
// addresses that are a whole row apart, so that each of a warp's 32 loads needs a sector of its own: 1024 bytes are
// fetched where 128 are wanted, unless the cache still has them when the thread's next 7 elements come. The derivative
// is written in the same manner. And a batch of 256 rows is 8 warps, on a GPU that has room for 132 x 64. Rows of more
// than 100,000 elements are left out here: a thread would walk them alone, twice.
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "kernels/ladder/gradient_penalty/row_share.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

__global__ void thread_per_row_kernel(const float* g, float* derivative, float* norms, double* shares, int64_t rows,
                                      int64_t width) {
  const int64_t r = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (r >= rows) return;
  double squares = 0;
  for (int64_t i = 0; i < width; ++i) squares += double(g[r * width + i]) * double(g[r * width + i]);
  const double n = sqrt(squares);
  const RowPenalty p = share_of_row(n, rows);
  for (int64_t i = 0; i < width; ++i) derivative[r * width + i] = float(p.factor * double(g[r * width + i]));
  norms[r] = float(n);
  shares[r] = p.value;
}

/// One thread adds all rows, in order.
__global__ void add_rows_kernel(const double* shares, float* value, int64_t rows) {
  double total = 0;
  for (int64_t r = 0; r < rows; ++r) total += shares[r];
  *value = float(total);
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  make_gradients(a, stream);
  launch<thread_per_row_kernel>({blocks_for(rows, 64), 64, 0, stream}, a.outputs[3], a.outputs[1], a.outputs[2],
                                a.workspace, rows, width);
  launch<add_rows_kernel>({1, 1, 0, stream}, a.workspace, a.outputs[0], rows);
}

KANTOR_RUNG(
    gradient_penalty, 1, "a thread a row, two reads", run,
    .takes = [](const ladder::Sizes& sizes) { return sizes[1] <= 100000; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
