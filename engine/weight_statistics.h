// WeightStatistics: what a pass over the weights has counted.
#pragma once

#include <array>
#include <cstdint>

namespace kantor {

/// The statistics of one tensor, after the update and the clip.
struct WeightStatistics {
  static constexpr int bins = 32;
  int64_t count = 0;
  int64_t saturated = 0;   // |w| == bound; 0 where no bound is set
  int64_t non_finite = 0;  // NaN or infinite
  double max_abs = 0;      // of the finite ones
  double sum_squares = 0;
  double range = 0;  // the histogram spans [-range, range]: the bound, else the max_abs before the update
  std::array<int64_t, bins> histogram{};  // zeros if none was taken; the outer bins count values beyond
};

}  // namespace kantor
