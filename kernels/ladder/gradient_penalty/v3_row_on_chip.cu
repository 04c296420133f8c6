// Version 3: a block of 256 threads a row, and the row stays on the chip between its norm and its derivative. The block
// copies it into shared memory while it adds the squares, passes two barriers for the norm, and scales what it has:
// each element of g is read once, not twice. A thread reads back only what it stored itself, so the barriers are for
// the sum alone.
//
// With 256 rows of 784 two things are gained. A block a row gives every multiprocessor work: **256** blocks on all
// **132** multiprocessors, where version 2 had **32** of each, and a warp makes **6.5** accesses to global memory
// instead of **77**. And the rows' launch moves 8 bytes an element instead of 12, a third less: **0.99** times the
// floor instead of **1.48**. At this size the first counts for more, because version 2's second read came from the
// first-level cache; the second counts where many rows are under way and memory is the limit.
//
// The price: **47,616** passes over shared memory, where version 2's rows had none. Only 12,800 of them are the row,
// stored and read. The other **34,816** are the sum over the block (kernels/block.h): each of its 8 warps reads the 8
// warps' sums, which are doubles and take two passes each, 8 x 8 x 2 and 8 writes a row. For rows of a few elements a
// block is a waste: if the width is 2, 254 of its 256 threads have nothing to do.
//
// A row must fit: this version takes up to 15,360 elements, 60 KB. 48 KB need no question; asked by the program, the
// driver gives up to 64 KB on every GPU of compute capability 7.5 and later. A multiprocessor of an H100 has 228 KB, so
// three such rows are under way on it.
#include "kernels/block.h"
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "kernels/ladder/gradient_penalty/row_share.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int64_t longest_row = 60 * 1024 / sizeof(float);

__global__ void row_on_chip_kernel(const float* g, float* derivative, float* norms, double* shares, int64_t width) {
  __shared__ double scratch[32];
  float* row = dynamic_shared<float>();
  const int64_t begin = blockIdx.x * width;
  double squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    row[i] = g[begin + i];
    squares += double(row[i]) * double(row[i]);
  }
  const double n = sqrt(block_sum(squares, scratch));
  const RowPenalty p = share_of_row(n, gridDim.x);
  for (int64_t i = threadIdx.x; i < width; i += threads) derivative[begin + i] = float(p.factor * double(row[i]));
  if (threadIdx.x == 0) {
    norms[blockIdx.x] = float(n);
    shares[blockIdx.x] = p.value;
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  make_gradients(a, stream);
  launch<row_on_chip_kernel>({blocks_for(rows, 1), threads, size_t(width) * sizeof(float), stream}, a.outputs[3],
                             a.outputs[1], a.outputs[2], a.workspace, width);
  add_row_shares(a.workspace, a.outputs[0], rows, stream);
}

KANTOR_RUNG(
    gradient_penalty, 3, "the row stays on chip, one read", run,
    .takes = [](const ladder::Sizes& sizes) { return sizes[1] <= longest_row; });

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
