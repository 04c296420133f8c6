// NVIDIA's libraries on this machine: they are loaded when a GPU is used, or when somebody asks here.
#pragma once

#include "engine/device.h"

#include <string>
#include <vector>

namespace kantor {

/// Empty where the device works (why_unavailable) and, on a GPU, cuBLAS can be loaded, which products need: loads it.
std::string why_unusable(Device device);

/// One of the libraries that `cuda` may use: its version, or why it cannot be loaded and what to install.
struct LibraryFound {
  std::string name, version, missing;
};
/// Loads them; none where this build holds no such device.
std::vector<LibraryFound> find_libraries();

}  // namespace kantor
