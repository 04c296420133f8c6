// Matrix products. kernels/implicit_gemm.h tells how; here A and B are matrices in memory, and bias and activation are
// applied while a tile of C is in registers.
#include "kernels/backend.h"
#include "kernels/gemm.h"
#include "kernels/implicit_gemm.h"

namespace kantor::KANTOR_BACKEND {
namespace {

/// Element (i, j) of a matrix at i * row + j * column.
template <class T>
struct MatrixView {
  const T* data;
  int64_t row, column;
  __device__ T operator()(int64_t i, int64_t j) const { return data[i * row + j * column]; }
};

template <class T>
__global__ void gemm_kernel(MatrixView<T> a, MatrixView<T> b, const T* bias, Activation activation, T* c, int64_t m,
                            int64_t n, int64_t k, int64_t tiles_across) {
  gemm_tile<T>(m, n, 0, k, blockIdx.x / tiles_across, blockIdx.x % tiles_across, a, b,
               [&](int64_t row, int64_t column, T sum) {
                 if (bias != nullptr) sum += bias[column];
                 c[row * n + column] = function::Activate{activation}(sum);
               });
}

}  // namespace

template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, const T* bias,
          Activation activation, T* c, Stream stream) {
  if (m * n == 0) return;
  const MatrixView<T> left{a, transpose_a ? 1 : k, transpose_a ? m : 1};
  const MatrixView<T> right{b, transpose_b ? 1 : n, transpose_b ? k : 1};
  launch<gemm_kernel<T>>({blocks_for(tiles_of(m) * tiles_of(n), 1), gemm_threads, 0, stream}, left, right, bias,
                         activation, c, m, n, k, tiles_of(n));
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, const float*, Activation, float*,
                   Stream);
template void gemm(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, const double*, Activation,
                   double*, Stream);

}  // namespace kantor::KANTOR_BACKEND
