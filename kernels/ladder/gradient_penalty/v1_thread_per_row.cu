// Version 1: a thread a row. The gradient penalty of a WGAN wants each sample's gradient g by the critic's input to
// have norm 1: it is 10 times the mean of (n - 1)^2 over the rows of a batch, with n = |g|, and its derivative by g is
// 20 / rows (n - 1) / n g, or 0 where n is 0 (kernels/row_penalty.h). So a row is read to take its norm, and then
// scaled by a number that depends on all of it. Squares are added in double, in all versions: as a float, the square of
// a number below 1e-23 is 0, and that of one above 2e19 infinite.
//
// g is made first, by a product with 8 terms an element: delta is the derivative by what the critic's first layer puts
// out, w that layer's weights. The product, "make gradients" in the tables, is the same in all versions but 5, and not
// their subject. It writes g, 4 bytes an element, and later launches read it and write the derivative: 12 bytes an
// element is the least for such a version. The floor counts the two writes, 8, plus delta and w once; the product reads
// w once for 8 rows, and each of its warps reads delta. This version reads g twice, once for the norm and once to scale
// it: 16 bytes. It has 3 launches: the product, the rows, and one thread that adds the rows' parts of the penalty.
//
// It is slow for two reasons. The first is that hardly anything is at work, for a long time. 256 rows are 256 threads,
// 8 warps in **4** blocks, and 128 of 132 multiprocessors have nothing to do. Each thread walks along its row alone:
// with 784 elements a warp makes **2,354** accesses to global memory, two thirds of them reads, which wait for memory
// or a cache, and each addition waits for the one before it. With 16 rows of 65,536 all rows are in one warp, on **1**
// multiprocessor, and it makes 196,610: twice the table's **98,305**, which is an average with the block's other warp,
// that has no row. (Rows of more than 100,000 elements are left out here.)
//
// The second is how it reads. Memory is read in sectors of 32 bytes, 8 floats, and neighbouring threads read addresses
// that are a whole row apart. So a warp's one load touches **32.00** sectors, one a lane, where **4.00** hold as many
// floats. That makes **11.75** times the floor for "thread per row" with 256 rows of 784. Not all of it comes from
// memory: a multiprocessor has two warps here, whose 64 sectors are 2 KB, and the first-level cache still has them when
// the next 7 elements of each row are read. But every load asks the cache for 32 sectors one after the other, and with
// many warps a multiprocessor it would not keep them.
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
