// Wasserstein-1 distance between two samples of equal size: exact, by network simplex, and sliced. The exact distance
// of two finite samples is never 0, even of one distribution: `w1_floor` measures that.
#pragma once

#include "models/data/dataset.h"
#include "models/metrics/transport.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kantor {

/// The best matching, whose distance is wasserstein1.
Transport optimal_transport(std::span<const float> a, std::span<const float> b, int64_t dimensions);

/// Mean distance of the points under their best matching; a and b hold n points of `dimensions` values each. Exact but
/// for 2^-36 of the largest distance. Time about n^2.3 (n = 1024: 0.1 s), memory about 100 bytes n, and 8 n^2 above 4
/// dimensions up to n = 4096. Throws ShapeError where the sizes differ or no point is given, NonFiniteError for a NaN
/// or infinity.
double wasserstein1(std::span<const float> a, std::span<const float> b, int64_t dimensions);

/// About how long one exact distance of n points takes on one thread, in seconds.
double transport_seconds(int64_t n);

/// Mean over `directions` random directions of the W1 of the projections: O(n log n), at most the exact W1.
double sliced_wasserstein1(std::span<const float> a, std::span<const float> b, int64_t dimensions, int directions = 128,
                           uint64_t seed = 0);

/// The W1 between two samples of the data themselves.
struct W1Floor {
  double mean = 0;
  double deviation = 0;  // standard deviation of one pair's W1
};

/// How many pairs of samples a floor is the mean of.
inline constexpr int floor_pairs = 20;
/// Over independent pairs of `samples` points with fixed seeds, on the program's threads. Depends on its arguments
/// only, so measure it once per run and keep it.
W1Floor w1_floor(const Dataset& data, int64_t samples, int pairs = floor_pairs);

}  // namespace kantor
