// What the file of a version includes beside kernels/backend.h: the table, and which backend is compiled.
#pragma once

#include "kernels/backend.h"
#include "kernels/ladder/ladder.h"

#include <string>

namespace kantor {
#ifdef __CUDACC__
inline constexpr Backend ladder_backend = Backend::cuda;
#else
inline constexpr Backend ladder_backend = Backend::sim;
#endif

namespace ladder {
/// "kernels/ladder/..." of the path that a compiler was given.
inline std::string project_path(const std::string& path) {
  const size_t at = path.rfind("kernels/ladder/");
  return at == std::string::npos ? path : path.substr(at);
}
}  // namespace ladder
}  // namespace kantor
