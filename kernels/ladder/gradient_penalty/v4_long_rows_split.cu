// Version 4: rows are split over blocks, for few long rows. A block takes a stretch of 8192 elements. One launch adds
// the squares of each stretch; in the next, each block adds the sums of its row's stretches, all of them in the same
// order, and so has the norm, and scales its stretch.
//
// The gain is in the second table: 16 rows of 65,536 do not fit into version 3, and version 2 has **2** blocks for
// them. Here they are 8 stretches each, **128** blocks on **128** multiprocessors, and a warp makes **96** accesses in
// both launches instead of **6,146**, for the same **1.20** times the floor. The first table shows no gain, because
// rows of 784 are one stretch each: there all counts are those of version 3 or worse. g is read twice again, **1.49**
// times the floor in these launches instead of **0.99**, a launch is added to the three of version 3 (0.9 us on an
// H100, bench/results/h100-2026-11-28/facts.jsonl, where the whole floor, 1.6 MB, takes 0.5 us at 3 TB/s), and each of
// the two has a sum over the block, **69,632** passes instead of **47,616**.
//
// What so few blocks cost was measured on an H100, with an earlier kernel that gave a long row to one block and read it
// twice (bench/results/h100-2026-11-28/probe_own.jsonl, "norm+penalty+derivative"; without a product). 16 rows of
// 1,048,576 took 1849 us, and 256 rows of 65,536, the same number of elements, 158 us, 11.7 times less: 256 blocks on
// 132 multiprocessors instead of 16 on 16. Reading twice and writing once, 12 bytes an element, takes 67 us at 3 TB/s,
// so 256 blocks, two a multiprocessor, did not keep memory busy either. Here both sizes are 2048 blocks, rows x width /
// 8192. This version itself has not been timed.
//
// What the stretches leave is small: each leaves one sum of 8 bytes, and every block of a row reads all sums of its
// row, width / 8192 of them.
#include "kernels/block.h"
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "kernels/ladder/gradient_penalty/row_share.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using ladder::gradient_penalty::stretch;

constexpr int threads = 256;

/// Block b has stretch b % stretches of row b / stretches.
__global__ void squares_of_stretch_kernel(const float* g, double* squares, int64_t stretches, int64_t width) {
  __shared__ double scratch[32];
  const int64_t row = blockIdx.x / stretches, begin = blockIdx.x % stretches * stretch;
  const int64_t end = begin + stretch < width ? begin + stretch : width;
  double mine = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += threads)
    mine += double(g[row * width + i]) * double(g[row * width + i]);
  mine = block_sum(mine, scratch);
  if (threadIdx.x == 0) squares[blockIdx.x] = mine;
}

__global__ void scale_stretch_kernel(const float* g, const double* squares, float* derivative, float* norms,
                                     double* shares, int64_t rows, int64_t stretches, int64_t width) {
  __shared__ double scratch[32];
  const int64_t row = blockIdx.x / stretches, begin = blockIdx.x % stretches * stretch;
  const int64_t end = begin + stretch < width ? begin + stretch : width;
  double of_row = 0;
  for (int64_t k = threadIdx.x; k < stretches; k += threads) of_row += squares[row * stretches + k];
  const double n = sqrt(block_sum(of_row, scratch));
  const RowPenalty p = share_of_row(n, rows);
  for (int64_t i = begin + threadIdx.x; i < end; i += threads) {
    derivative[row * width + i] = float(p.factor * double(g[row * width + i]));
  }
  if (begin == 0 && threadIdx.x == 0) {
    norms[row] = float(n);
    shares[row] = p.value;
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1], stretches = ladder::gradient_penalty::stretches(width);
  const unsigned blocks = blocks_for(rows * stretches, 1);
  double* squares = a.workspace + rows;
  make_gradients(a, stream);
  launch<squares_of_stretch_kernel>({blocks, threads, 0, stream}, a.outputs[3], squares, stretches, width);
  launch<scale_stretch_kernel>({blocks, threads, 0, stream}, a.outputs[3], squares, a.outputs[1], a.outputs[2],
                               a.workspace, rows, stretches, width);
  add_row_shares(a.workspace, a.outputs[0], rows, stream);
}

KANTOR_RUNG(gradient_penalty, 4, "rows split over blocks", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
