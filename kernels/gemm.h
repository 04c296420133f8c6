// Launcher of matrix products, row-major.
#pragma once

#include "kernels/epilogue.h"
#include "kernels/launcher.h"

namespace kantor {

inline Cost gemm_cost(int64_t m, int64_t n, int64_t k, int64_t element) {
  return {(m * k + k * n + m * n) * element, 2 * m * n * k};
}

KANTOR_LAUNCHERS(
    /// C [m, n] = epilogue(op(A) op(B)), op the transposition where the flag is set; the epilogue's channels are the
    /// columns. T is float or double.
    template <class T> void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a,
                                 const T* b, const Epilogue<T>& epilogue, T* c, Stream stream);)

}  // namespace kantor
