// Agreement: a critic's gradients against those of an optimal critic at the same points (Korotin et al. 2021, 2022).
#pragma once

#include <cstdint>
#include <span>

namespace kantor {

struct Agreement {
  double cosine = 0;         // mean of the cosine between the two; where either is 0 it counts as 0
  double squared_error = 0;  // mean of |found - optimal|^2
  double norm = 0;           // mean of |found|
};

/// Compares `found` with `optimal`, rows of `dimensions` values. Throws ShapeError for lists of different or no length,
/// or ragged ones.
Agreement compare_gradients(std::span<const float> found, std::span<const double> optimal, int64_t dimensions);

}  // namespace kantor
