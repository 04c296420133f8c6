#include "kernels/cuda/cublas.h"

#include "kernels/cuda/check.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <map>
#include <mutex>

namespace kantor::cuda {
namespace {

constexpr size_t workspace_bytes = size_t{32} << 20;  // what cuBLAS asks for on Hopper

void check(cublasStatus_t status, const char* action) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw KernelError(std::string("cublas: ") + action + " failed: " + cublasGetStatusString(status));
  }
}

/// One handle a stream, with a workspace of its own; kept for the life of the program.
cublasHandle_t handle_of(Stream stream) {
  static std::mutex mutex;
  static auto* const handles = new std::map<Stream, cublasHandle_t>;
  const std::lock_guard lock(mutex);
  cublasHandle_t& handle = (*handles)[stream];
  if (handle != nullptr) return handle;
  check(cublasCreate(&handle), "starting");
  check(cublasSetStream(handle, stream), "choosing the stream");
  void* workspace = nullptr;
  if (cudaMalloc(&workspace, workspace_bytes) != cudaSuccess) {
    throw KernelError("cublas: no memory for its workspace of 32 MiB");
  }
  check(cublasSetWorkspace(handle, workspace, workspace_bytes), "giving it a workspace");
  return handle;
}

cublasStatus_t call(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float* a,
                    int lda, const float* b, int ldb, float* c, int ldc) {
  const float one = 1, zero = 0;
  return cublasSgemm(h, ta, tb, m, n, k, &one, a, lda, b, ldb, &zero, c, ldc);
}
cublasStatus_t call(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const double* a,
                    int lda, const double* b, int ldb, double* c, int ldc) {
  const double one = 1, zero = 0;
  return cublasDgemm(h, ta, tb, m, n, k, &one, a, lda, b, ldb, &zero, c, ldc);
}

}  // namespace

template <class T>
void library_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
                  bool tf32, Stream stream) {
  if (m * n == 0) return;
  if (k == 0) {
    if (cudaMemsetAsync(c, 0, static_cast<size_t>(m * n) * sizeof(T), stream) != cudaSuccess) {
      throw KernelError("gemm of an empty inner axis: clearing the result failed");
    }
    return;
  }
  // cuBLAS counts in columns: it sees each matrix transposed, and C^T = op(B)^T op(A)^T.
  const cublasHandle_t handle = handle_of(stream);
  check(cublasSetMathMode(handle, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH), "choosing the arithmetic");
  const auto flag = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  check(
      call(handle, flag(transpose_b), flag(transpose_a), static_cast<int>(n), static_cast<int>(m), static_cast<int>(k),
           b, static_cast<int>(transpose_b ? k : n), a, static_cast<int>(transpose_a ? m : k), c, static_cast<int>(n)),
      "a matrix product");
  wait_if_synchronous(stream, "gemm of cuBLAS");
}

std::string cublas_version() {
  std::string text;
  for (const libraryPropertyType part : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
    int number = 0;
    check(cublasGetProperty(part, &number), "asking for its version");
    text += (text.empty() ? "" : ".") + std::to_string(number);
  }
  return text;
}

template void library_gemm<float>(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float*, bool,
                                  Stream);
template void library_gemm<double>(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, double*, bool,
                                   Stream);

}  // namespace kantor::cuda
