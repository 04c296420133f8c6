// Matrix products by cuBLAS, which `cuda` takes in place of kernels/gemm.cu. Float32 stays float32 unless TF32 is asked
// for.
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

/// "13.0.2", of the headers that this build was compiled with.
std::string cublas_built_with();
/// Loads the library. Empty where it is there; else why not, and what to install.
std::string why_no_cublas();
/// Of the library that is loaded. Throws KernelError where it cannot be.
std::string cublas_version();

}  // namespace kantor::cuda
