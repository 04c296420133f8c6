// NVIDIA's libraries: what is installed. They are loaded when a GPU is first used, or when somebody asks here.
#pragma once

#include "engine/device.h"

#include <string>
#include <vector>

namespace kantor {

/// Throws DeviceError with the reason if cuDNN cannot be loaded.
void require_cudnn();

/// Like why_unavailable, but on a GPU also loads cuBLAS, which products need: "" if the device can be used, or why not.
std::string why_unusable(Device device);

/// One of the libraries that `cuda` may use: its version, or why it cannot be loaded and what to install.
struct LibraryFound {
  std::string name, version, missing;
};
/// Loads the libraries. Returns none if this build has no `cuda`.
std::vector<LibraryFound> find_libraries();

}  // namespace kantor
