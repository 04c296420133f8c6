// Version 5: the squares are added where g is made. The product has each element in a register before it writes it.
// There its square costs one multiplication and addition; each thread adds those of its four elements of a row, the
// warp adds its threads' by shuffles, and the block leaves one sum for 1024 elements of the row. When the product is
// done, the norms are nearly known, and version 4's launch that only read g to measure it is gone.
//
// So g is written once and read once, by the launch that scales it: 12 bytes an element for rows of any length, where
// version 4 moved 16, and **3** launches instead of **4**. With 16 rows of 65,536, product and all, that is **1.81**
// times the floor instead of **2.20**, 4 MB, or at most 1.4 us at 3 TB/s (rows of 4 MB may still be in the second-level
// cache), and 0.9 us for the launch (measured as said in version 4); with 256 rows of 784 **2.30** instead of **2.79**,
// and **37,256** passes over shared memory instead of **69,768**.
//
// Against version 3, which takes rows of 784 too, the counts show no gain there: 3 launches and 12 bytes an element in
// both, and a dearer product here. (With the product's reads of delta and w, 0.81 times the floor at this size, all
// three launches are **2.29** and **2.30** times the floor.) Version 3 came to the same bytes by keeping the row in
// shared memory, which limits its length; here nothing is kept, and each block scales any stretch of 8192 elements once
// it has added the width / 1024 sums of its row. So the gain is for long rows.
//
// The price is in the product: 10 shuffle instructions for 4 elements of a thread, **9,216** passes over shared memory
// with 65,536 elements a row, and **56** registers instead of **50**. In a critic's layer an element of g has some
// hundred terms instead of 8, and the shuffles weigh less. The other price is that the product must know what its
// output is for. (A row of the table of warps' sums is 9 doubles long, not 8, so that the 8 threads that add them read
// 8 different pairs of banks.)
#include "kernels/block.h"
#include "kernels/ladder/gradient_penalty/gradient_tile.h"
#include "kernels/ladder/gradient_penalty/row_share.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using ladder::gradient_penalty::stretch;
using ladder::gradient_penalty::tile_columns;
using ladder::gradient_penalty::tile_rows;

constexpr int threads = 256;

/// squares [rows, column tiles].
__global__ void gradients_and_squares_kernel(const float* delta, const float* w, float* g, double* squares,
                                             int64_t rows, int64_t width) {
  __shared__ double of_warps[tile_rows][tile_threads / 32 + 1];  // eight rows of 8 would begin in two banks alone
  make_gradient_tile(delta, w, g, rows, width, [&](int row, double mine) {
    mine = warp_sum(mine);
    if (threadIdx.x % 32 == 0) of_warps[row][threadIdx.x / 32] = mine;
  });
  __syncthreads();
  const int64_t across = (width + tile_columns - 1) / tile_columns;
  const int64_t row = blockIdx.x / across * tile_rows + threadIdx.x;
  if (threadIdx.x >= tile_rows || row >= rows) return;
  double total = 0;
  for (int warp = 0; warp < tile_threads / 32; ++warp) total += of_warps[threadIdx.x][warp];
  squares[row * across + blockIdx.x % across] = total;
}

/// Block b scales stretch b % stretches of row b / stretches, whose squares are `parts` sums.
__global__ void scale_measured_kernel(const float* g, const double* squares, float* derivative, float* norms,
                                      double* shares, int64_t rows, int64_t parts, int64_t stretches, int64_t width) {
  __shared__ double scratch[32];
  const int64_t row = blockIdx.x / stretches, begin = blockIdx.x % stretches * stretch;
  const int64_t end = begin + stretch < width ? begin + stretch : width;
  double of_row = 0;
  for (int64_t k = threadIdx.x; k < parts; k += threads) of_row += squares[row * parts + k];
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
  double* squares = a.workspace + rows;
  launch<gradients_and_squares_kernel>(
      {blocks_for(ladder::gradient_penalty::tiles(rows, width), 1), tile_threads, 0, stream}, a.inputs[0], a.inputs[1],
      a.outputs[3], squares, rows, width);
  launch<scale_measured_kernel>({blocks_for(rows * stretches, 1), threads, 0, stream}, a.outputs[3], squares,
                                a.outputs[1], a.outputs[2], a.workspace, rows,
                                ladder::gradient_penalty::column_tiles(width), stretches, width);
  add_row_shares(a.workspace, a.outputs[0], rows, stream);
}

KANTOR_RUNG(gradient_penalty, 5, "squares added where g is made", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
