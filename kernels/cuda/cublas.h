// Matrix products by cuBLAS, which `cuda` takes in place of kernels/gemm.cu. Float32 stays float32: no TF32.
#pragma once

#include "kernels/launcher.h"

namespace kantor::cuda {

/// C [m, n] = op(A) op(B), row-major, dense. T is float or double. The same fixed workspace in eager and in replay.
template <class T>
void library_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
                  Stream stream);

}  // namespace kantor::cuda
