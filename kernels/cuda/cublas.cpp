#include "kernels/cuda/cublas.h"

#include "kernels/cuda/check.h"
#include "kernels/cuda/shared_library.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace kantor::cuda {
namespace {

constexpr size_t workspace_bytes = size_t{32} << 20;  // what cuBLAS asks for on Hopper

struct Cublas {
  SharedLibrary library{"cuBLAS", "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR)};
  KANTOR_LIBRARY_FUNCTION(cublasCreate_v2);
  KANTOR_LIBRARY_FUNCTION(cublasDestroy_v2);
  KANTOR_LIBRARY_FUNCTION(cublasSetStream_v2);
  KANTOR_LIBRARY_FUNCTION(cublasSetWorkspace_v2);
  KANTOR_LIBRARY_FUNCTION(cublasSetMathMode);
  KANTOR_LIBRARY_FUNCTION(cublasSgemm_v2_64);
  KANTOR_LIBRARY_FUNCTION(cublasDgemm_v2_64);
  KANTOR_LIBRARY_FUNCTION(cublasGetProperty);
  KANTOR_LIBRARY_FUNCTION(cublasGetStatusString);
};

const Cublas& cublas() {
  static const Cublas instance;  // if this throws, the next call tries again
  return instance;
}

void check(cublasStatus_t status, const char* action) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw KernelError(std::string("cublas: ") + action + " failed: " + cublas().cublasGetStatusString(status));
  }
}

/// A handle for one stream, with its own workspace, which is the same in eager execution and in replay.
class Handle {
 public:
  explicit Handle(Stream stream) {
    cublasHandle_t handle = nullptr;
    check(cublas().cublasCreate_v2(&handle), "starting");
    handle_.reset(handle);
    check(cublas().cublasSetStream_v2(handle, stream), "choosing the stream");
    void* workspace = nullptr;
    if (const cudaError_t status = cudaMalloc(&workspace, workspace_bytes); status != cudaSuccess) {
      cudaGetLastError();
      throw KernelError(std::string("cublas: no memory for its workspace of 32 MiB: ") + cudaGetErrorString(status));
    }
    workspace_.reset(workspace);
    check(cublas().cublasSetWorkspace_v2(handle, workspace, workspace_bytes), "giving it a workspace");
  }
  [[nodiscard]] cublasHandle_t get() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(void* workspace) const { cudaFree(workspace); }
  };
  struct Destroy {
    void operator()(cublasHandle_t handle) const { cublas().cublasDestroy_v2(handle); }
  };
  std::unique_ptr<void, Free> workspace_;
  std::unique_ptr<cublasContext, Destroy> handle_;
};

/// The handle of a stream. Complete handles are kept for the life of the program. The caller must hold the lock.
cublasHandle_t handle_of(Stream stream) {
  static auto* const handles = new std::map<Stream, std::unique_ptr<Handle>>;
  const auto found = handles->find(stream);
  if (found != handles->end()) return found->second->get();
  auto made = std::make_unique<Handle>(stream);
  return handles->emplace(stream, std::move(made)).first->second->get();
}

cublasStatus_t call(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int64_t m, int64_t n, int64_t k,
                    const float* a, int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc) {
  const float one = 1, zero = 0;
  return cublas().cublasSgemm_v2_64(h, ta, tb, m, n, k, &one, a, lda, b, ldb, &zero, c, ldc);
}
cublasStatus_t call(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int64_t m, int64_t n, int64_t k,
                    const double* a, int64_t lda, const double* b, int64_t ldb, double* c, int64_t ldc) {
  const double one = 1, zero = 0;
  return cublas().cublasDgemm_v2_64(h, ta, tb, m, n, k, &one, a, lda, b, ldb, &zero, c, ldc);
}

}  // namespace

template <class T>
void library_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c,
                  bool tf32, Stream stream) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (cudaMemsetAsync(c, 0, static_cast<size_t>(m * n) * sizeof(T), stream) != cudaSuccess) {
      throw KernelError("gemm of an empty inner axis: clearing the result failed");
    }
    return;
  }
  const auto flag = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  {
    // No other thread may change the handle's arithmetic between setting it and calling the product.
    static auto* const mutex = new std::mutex;
    const std::lock_guard lock(*mutex);
    const cublasHandle_t handle = handle_of(stream);
    check(cublas().cublasSetMathMode(handle, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
          "choosing the arithmetic");
    // cuBLAS counts in columns: it sees each matrix transposed, and C^T = op(B)^T op(A)^T.
    check(call(handle, flag(transpose_b), flag(transpose_a), n, m, k, b, transpose_b ? k : n, a, transpose_a ? m : k, c,
               n),
          "a matrix product");
  }
  wait_if_synchronous(stream, "gemm of cuBLAS");
}

std::string cublas_built_with() {
  return std::to_string(CUBLAS_VER_MAJOR) + "." + std::to_string(CUBLAS_VER_MINOR) + "." +
         std::to_string(CUBLAS_VER_PATCH);
}

std::string why_no_cublas() {
  try {
    cublas();
    return "";
  } catch (const KernelError& error) {
    return error.what();
  }
}

std::string cublas_version() {
  std::string text;
  for (const libraryPropertyType part : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
    int number = 0;
    check(cublas().cublasGetProperty(part, &number), "asking for its version");
    text += (text.empty() ? "" : ".") + std::to_string(number);
  }
  return text;
}

template void library_gemm<float>(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float*, bool,
                                  Stream);
template void library_gemm<double>(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, double*, bool,
                                   Stream);

}  // namespace kantor::cuda
