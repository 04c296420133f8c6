#include "engine/build_info.h"

#include <Eigen/Core>
#include <fmt/format.h>

#ifdef KANTOR_HAS_ONEDNN
#include <dnnl.h>
#endif
#ifdef KANTOR_HAS_CUDA
#include "kernels/cuda/cublas.h"

#include <cuda_runtime_api.h>
#endif
#ifdef KANTOR_HAS_CUDNN
#include "kernels/cuda/cudnn.h"
#endif

namespace kantor {

BuildInfo build_info() {
  BuildInfo info;
  info.version = KANTOR_VERSION;
#ifdef KANTOR_COMMIT
  info.commit = KANTOR_COMMIT;
#else
  info.commit = "unknown";
#endif
#ifdef __clang__
  info.compiler = "clang++ " __clang_version__;
#else
  info.compiler = "g++ " __VERSION__;
#endif
#if defined(__AVX512F__)
  info.instructions = "AVX-512";
#elif defined(__AVX2__)
  info.instructions = "AVX2";
#else
  info.instructions = "baseline";
#endif
#ifdef KANTOR_HAS_ONEDNN
  const dnnl_version_t* version = dnnl_version();
  info.matrix_products = fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
#else
  info.matrix_products = fmt::format("Eigen {}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
#endif
#ifdef KANTOR_HAS_CUDA
  info.cuda =
      fmt::format("CUDA {}.{}, cuBLAS {}", CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100, cuda::cublas_built_with());
#endif
#ifdef KANTOR_HAS_CUDNN
  info.cuda += ", cuDNN " + cuda::cudnn_built_with();
#endif
  return info;
}

}  // namespace kantor
