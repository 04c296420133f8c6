// Version 4: rows that are too long for one block are split over several. A block takes a stretch of 8192 elements.
// One launch adds the squares of each stretch; in the next, each block adds the sums of its row's stretches, all of
// them in the same order, and so has the norm, and scales its stretch.
//
// For rows that fit on the chip this is a step back: g is read twice again, 16 bytes an element with the product's
// write instead of 12, and a launch comes to the three of version 3. For long rows, which version 3 cannot take, the
// question is how much of the GPU works. A block a row means 16 blocks for 16 images of a million elements, on 132
// multiprocessors: on an H100 an earlier version of the engine, which took such rows with a block each, needed 1849 us
// for them, and 158 us for 256 rows of 65,536, the same number of elements
// (bench/results/h100-2026-11-28/probe_own.jsonl, "norm+penalty+derivative"); the 12 bytes an element that it moved
// take 67 us at 3 TB/s. Here both are 2048 blocks, rows x width / 8192.
//
// What the stretches leave is small: 8 bytes for 8192 elements, which each block of a row reads, width / 8192 of them.
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
