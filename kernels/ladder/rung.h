// What the file of a version includes beside kernels/backend.h: the table, and which backend is compiled.
#pragma once

#include "kernels/backend.h"
#include "kernels/ladder/ladder.h"

namespace kantor {
#ifdef __CUDACC__
inline constexpr Backend ladder_backend = Backend::cuda;
#else
inline constexpr Backend ladder_backend = Backend::sim;
#endif
}  // namespace kantor
