#include "engine/build_info.h"

#include <Eigen/Core>
#include <fmt/format.h>

#ifdef KANTOR_HAS_ONEDNN
#include <dnnl.h>
#endif

namespace kantor {

BuildInfo build_info() {
  BuildInfo info;
  info.version = KANTOR_VERSION;
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
  return info;
}

}  // namespace kantor
