// Matrix products by cuBLAS, which `cuda` uses in place of kernels/gemm.cu. Float32 stays float32 unless TF32 is
// requested.
#pragma once

#include "kernels/launcher.h"

#include <cstdint>
#include <string>

namespace kantor::cuda {

/// C [m, n] = op(A) op(B), row-major, dense. T is float or double. `tf32` rounds float32 operands to 10 bits of
/// mantissa, for tensor cores. The same fixed workspace in eager and in replay.
template <class T>
void library_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
                  bool tf32, Stream stream);

/// The version of the headers that this build was compiled with, such as "13.0.2".
std::string cublas_built_with();
/// Loads the library. Returns "" if it is there, otherwise the reason and what to install.
std::string why_no_cublas();
/// The version of the loaded library. Throws KernelError if it cannot be loaded.
std::string cublas_version();

}  // namespace kantor::cuda
