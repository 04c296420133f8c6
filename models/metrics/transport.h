// Exact optimal transport between two samples of equal size, in memory that grows with their size, not its square.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kantor {

/// The best matching of two samples: of each point of a, the index of its point of b; and their mean distance.
struct Transport {
  double distance = 0;
  std::vector<int64_t> match;
};

/// a and b hold n points of `dimensions` finite values each. Exact but for 2^-36 of the largest distance. Throws
/// ShapeError for more than 32768 points.
Transport solve_transport(std::span<const float> a, std::span<const float> b, int64_t dimensions);

}  // namespace kantor
