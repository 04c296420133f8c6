// What the workspace of the family holds, for its family.cpp and for the versions that split k. Plain C++.
#pragma once

#include "kernels/ladder/ladder.h"
#include "kernels/products/products.h"

#include <algorithm>
#include <cstdint>

namespace kantor::ladder::gemm {

/// Products are planned for the multiprocessors of an H100, wherever they run.
inline constexpr int multiprocessors = 132;

/// Counters of the engine's kernel, which are 0 before and after it, come first; no other version touches them. Behind
/// them are partial sums, as floats.
inline constexpr int64_t counter_doubles = most_counters * int64_t(sizeof(unsigned)) / int64_t(sizeof(double));
inline float* partial_sums(double* workspace) {
  return reinterpret_cast<float*>(workspace + counter_doubles);
}

/// Version 6: about two blocks a multiprocessor, of tiles of 128 x 64, and stretches of no less than 64 along k.
inline int64_t splits_of(int64_t m, int64_t n, int64_t k) {
  const int64_t tiles = (m + 127) / 128 * ((n + 63) / 64), wanted = (2 * multiprocessors + tiles - 1) / tiles;
  return std::clamp<int64_t>(wanted, 1, std::max<int64_t>(k / 64, 1));
}

/// Version 10: the engine's call and its plan. (family.cpp has it: the model behind plans is not for nvcc.)
inline GemmCall engine_call(const Sizes& s, const float* a, const float* b, float* c) {
  return {false, false, s[0], s[1], s[2], a, b, {}, c};
}
ProductPlan engine_plan(const GemmCall& call);

}  // namespace kantor::ladder::gemm
