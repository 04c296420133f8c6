// A kernel of one's own. The same file is compiled for GPUs by nvcc and for the simulator by the host compiler.
#include "scale_rows.h"

#include <kernels/backend.h>

namespace kantor::KANTOR_BACKEND {
namespace {

template <class T>
__global__ void scale_rows_kernel(const T* x, const T* factors, T* y, int64_t size, int64_t width) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = factors[i / width] * x[i];
}

}  // namespace

template <class T>
void scale_rows(const T* x, const T* factors, T* y, int64_t rows, int64_t width, Stream stream) {
  if (rows * width == 0) return;  // an empty grid is an error
  launch<scale_rows_kernel<T>>({blocks_for(rows * width, 256), 256, 0, stream}, x, factors, y, rows * width, width);
}

template void scale_rows(const float*, const float*, float*, int64_t, int64_t, Stream);
template void scale_rows(const double*, const double*, double*, int64_t, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
