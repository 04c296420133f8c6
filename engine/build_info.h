// BuildInfo: what this build is made of, for env.json and `kantor doctor`.
#pragma once

#include <string>

namespace kantor {

/// What this build is made of.
struct BuildInfo {
  std::string version;          // of the project
  std::string commit;           // of the checkout; "unknown" without a checkout
  std::string compiler;         // "g++ 12.2.0"
  std::string instructions;     // widest vector unit that the code was compiled for
  std::string matrix_products;  // "oneDNN 2.6.3" or "Eigen 3.4.0"
  std::string cuda;             // "CUDA 13.0, cuBLAS 13.0.2, cuDNN 9.13.0"; empty if the build has no CUDA
};
/// The information about the program or library that runs.
BuildInfo build_info();

}  // namespace kantor
