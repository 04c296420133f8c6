// Matrix products. See kernels/implicit_gemm.h; here A and B are matrices in memory, and the epilogue is applied while
// a tile of C is in registers.
#include "kernels/backend.h"
#include "kernels/gemm.h"
#include "kernels/implicit_gemm.h"

namespace kantor::KANTOR_BACKEND {
namespace {

template <class T, bool transpose_a, bool transpose_b>
__global__ void gemm_kernel(MatrixView<T, !transpose_a> a, MatrixView<T, transpose_b> b, Epilogue<T> epilogue, T* c,
                            int m, int n, int k, int tiles_across) {
  gemm_tile<T, tile>(m, n, 0, k, blockIdx.x / tiles_across, blockIdx.x % tiles_across, a, b,
                     [&](int row, int column, int count, const T(&sums)[micro]) {
                       for (int j = 0; j < count; ++j) {
                         const int64_t place = int64_t(row) * n + column + j;
                         c[place] = epilogue(column + j, place, sums[j]);
                       }
                     });
}

int extent(int64_t value) {
  if (value > INT32_MAX) {
    throw KernelError("a matrix of " + std::to_string(value) + " rows or columns: at most 2147483647 are possible");
  }
  return int(value);
}

template <class T, bool transpose_a, bool transpose_b>
void start(int m, int n, int k, const T* a, const T* b, const Epilogue<T>& epilogue, T* c, Stream stream) {
  launch<gemm_kernel<T, transpose_a, transpose_b>>({blocks_for(tiles_of(m) * tiles_of(n), 1), gemm_threads, 0, stream},
                                                   MatrixView<T, !transpose_a>(a, transpose_a ? m : k),
                                                   MatrixView<T, transpose_b>(b, transpose_b ? k : n), epilogue, c, m,
                                                   n, k, tiles_of(n));
}

}  // namespace

template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b,
          const Epilogue<T>& epilogue, T* c, Stream stream) {
  if (m * n == 0) return;
  const auto go = transpose_a   ? transpose_b ? start<T, true, true> : start<T, true, false>
                    : transpose_b ? start<T, false, true>
                                : start<T, false, false>;
  go(extent(m), extent(n), extent(k), a, b, epilogue, c, stream);
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, const Epilogue<float>&, float*,
                   Stream);
template void gemm(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, const Epilogue<double>&,
                   double*, Stream);

}  // namespace kantor::KANTOR_BACKEND
