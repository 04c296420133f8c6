// Version 1: a thread a row. It reads its row twice, once for the norm and once to scale it: 12 bytes an element where
// 8 are the floor, and neighbouring threads read addresses a whole row apart, so that each 32-byte sector that is
// fetched serves one thread and little of it. With 256 rows a GPU is almost empty besides.
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

__global__ void thread_per_row_kernel(const float* g, float* derivative, float* norms, double* shares, int64_t rows,
                                      int64_t width) {
  const int64_t r = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (r >= rows) return;
  double squares = 0;
  for (int64_t i = 0; i < width; ++i) squares += double(g[r * width + i]) * double(g[r * width + i]);
  const double n = sqrt(squares), share = 10 / double(rows);
  for (int64_t i = 0; i < width; ++i) {
    derivative[r * width + i] = n == 0 ? 0 : float(share * 2 * (n - 1) / n * double(g[r * width + i]));
  }
  norms[r] = float(n);
  shares[r] = share * (n - 1) * (n - 1);
}

/// One thread adds all rows, in order.
__global__ void add_rows_kernel(const double* shares, float* value, int64_t rows) {
  double total = 0;
  for (int64_t r = 0; r < rows; ++r) total += shares[r];
  *value = float(total);
}

void run(const ladder::Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  launch<thread_per_row_kernel>({blocks_for(rows, 64), 64, 0, stream}, a.inputs[0], a.outputs[1], a.outputs[2],
                                a.workspace, rows, width);
  launch<add_rows_kernel>({1, 1, 0, stream}, a.workspace, a.outputs[0], rows);
}

KANTOR_RUNG(gradient_penalty, 1, "a thread a row, two reads", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
