// NVIDIA's libraries: which of them `cuda` uses, and what is installed. They are loaded when a GPU is first used, or
// when somebody asks here.
#pragma once

#include "engine/device.h"

#include <string>
#include <vector>

namespace kantor {

/// What `cuda` takes from NVIDIA's libraries beside matrix products: cuDNN's convolutions (float32) in place of the
/// project's own, and TF32 (10 bits of mantissa, tensor cores) in cuBLAS and cuDNN. One choice for the process.
struct Libraries {
  bool cudnn = false, tf32 = false;
};
/// Call this before the first step is captured. Throws DeviceError if cuDNN is requested and cannot be loaded.
void set_libraries(Libraries choice);
Libraries libraries();

/// Like why_unavailable, but on a GPU also loads cuBLAS, which products need: "" if the device can be used, or why not.
std::string why_unusable(Device device);

/// One of the libraries that `cuda` may use: its version, or why it cannot be loaded and what to install.
struct LibraryFound {
  std::string name, version, missing;
};
/// Loads the libraries. Returns none if this build has no `cuda`.
std::vector<LibraryFound> find_libraries();

}  // namespace kantor
