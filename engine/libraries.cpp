#include "engine/libraries.h"

#include "engine/error.h"
#ifdef KANTOR_HAS_CUDA
#include "kernels/cuda/cublas.h"
#endif
#ifdef KANTOR_HAS_CUDNN
#include "kernels/cuda/cudnn.h"
#endif

namespace kantor {

std::string why_unusable(Device device) {
  std::string reason = why_unavailable(device);
#ifdef KANTOR_HAS_CUDA
  if (reason.empty() && device.kind == Device::Kind::cuda) reason = cuda::why_no_cublas();
#endif
  return reason;
}

void require_cudnn() {
#ifdef KANTOR_HAS_CUDNN
  const std::string reason = cuda::why_no_cudnn();
#else
  const std::string reason = "this build holds none: its headers were not found when the build was configured";
#endif
  if (!reason.empty()) throw DeviceError("cuDNN was asked for: " + reason + "; or go without it");
}

std::vector<LibraryFound> find_libraries() {
  std::vector<LibraryFound> found;
  [[maybe_unused]] const auto look = [&](const char* name, const std::string& missing, std::string (*version)()) {
    found.push_back({name, missing.empty() ? version() : "", missing});
  };
#ifdef KANTOR_HAS_CUDA
  look("cuBLAS", cuda::why_no_cublas(), cuda::cublas_version);
#endif
#ifdef KANTOR_HAS_CUDNN
  look("cuDNN", cuda::why_no_cudnn(), cuda::cudnn_version);
#endif
  return found;
}

}  // namespace kantor
