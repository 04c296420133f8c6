// Wasserstein-1 distance between two samples of equal size: exact, by network simplex, and sliced. The exact distance
// of two finite samples is never 0, even of one distribution: `w1_floor` measures that.
#pragma once

#include "models/data/dataset.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kantor {

/// The best matching of two samples: of each point of a, the index of its point of b; and their mean distance.
struct Transport {
  double distance = 0;
  std::vector<int64_t> match;
};
/// As wasserstein1, which is its distance.
Transport optimal_transport(std::span<const float> a, std::span<const float> b, int64_t dimensions);

/// Mean distance of the points under their best matching; a and b hold n points of `dimensions` values each. Exact but
/// for 2^-40 of the largest distance. Time about n^2.3 (n = 1024: 0.2 s), memory 70 bytes n^2. Throws ShapeError where
/// the sizes differ or no point is given, NonFiniteError for a NaN or infinity.
double wasserstein1(std::span<const float> a, std::span<const float> b, int64_t dimensions);

/// Mean over `directions` random directions of the W1 of the projections: O(n log n), at most the exact W1.
double sliced_wasserstein1(std::span<const float> a, std::span<const float> b, int64_t dimensions, int directions = 128,
                           uint64_t seed = 0);

/// What W1 two samples of the data themselves have.
struct W1Floor {
  double mean = 0;
  double deviation = 0;  // of one pair
};

/// Over independent pairs of `samples` points with fixed seeds, on the program's threads: 20 pairs of 1,024 take some 2
/// s on two. Depends on its arguments only: measure once a run and keep it.
W1Floor w1_floor(const Dataset& data, int64_t samples, int pairs = 20);

}  // namespace kantor
