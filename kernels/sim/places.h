// Places of blocks and threads, and how messages write them.
#pragma once

#include "kernels/sim/runtime.h"
#include "kernels/sim/words.h"

#include <cstdint>
#include <string>

namespace kantor::sim {

/// "(1,0,0)".
inline std::string text_of(uint3 p) {
  return "(" + std::to_string(p.x) + "," + std::to_string(p.y) + "," + std::to_string(p.z) + ")";
}

/// Number `index` of an extent, x first.
inline uint3 place_in(uint64_t index, dim3 extent) {
  return {static_cast<unsigned>(index % extent.x), static_cast<unsigned>(index / extent.x % extent.y),
          static_cast<unsigned>(index / extent.x / extent.y)};
}

/// "bugs.cu:24".
inline std::string text_of(Site site) {
  return std::string(site.file) + ":" + std::to_string(site.line);
}

}  // namespace kantor::sim
