// Version 2: a warp a row, and both reasons are mended. Lane l of the warp takes elements l, l + 32, l + 64, ... of its
// row. With 256 rows of 784 there are **256** warps instead of **8**, on **32** multiprocessors instead of **4**, and a
// warp makes **77** accesses instead of **2,354**. And what a warp reads at once are neighbours, 128 bytes in 4
// sectors, all of which are wanted: the sectors of the rows' launch fall from **11.75** times the floor to **1.48**. No
// later version saves as many sectors.
//
// Each thread adds the squares of its elements, and the norm is the sum over the warp: five exchanges of doubles, 10
// shuffle instructions, after which all lanes have it. A shuffle names the lanes that take part and makes them wait for
// each other, so no barrier of the block is needed. The last launch adds the rows' parts of the penalty with 256
// threads instead of one, a chain of 1 addition and a sum over the block where version 1 had a chain of 256.
//
// What stays: 3 launches, and a row is read twice, 16 bytes an element with the product's write. The second read costs
// little where a cache has the row. Of 784 elements it has: the 8 rows of a block are 25 KB, and the first-level cache
// holds up to 256 KB. The 8 rows of a block of 65,536 are 2 MB, and come from the second-level cache again.
//
// What is left to gain: with 256 rows 100 of 132 multiprocessors are still idle, and with 16 rows all but **2**, where
// a warp makes **6,146** accesses.
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
