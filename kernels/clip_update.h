// Launchers of the fused optimizer step: update, clip and weight statistics in one pass over an arena.
#pragma once

#include "kernels/launcher.h"

namespace kantor {

enum class UpdateRule : uint8_t { only_clip, sgd, rmsprop, adam };

/// What one update needs beside its arrays; PyTorch's semantics. The step and the rate lie in device memory.
struct UpdateSettings {
  UpdateRule rule;
  double beta1, beta2, alpha, epsilon;
  const int64_t* step;  // Adam's bias correction; counts from 1
  const double* learning_rate;
  const int64_t* histograms;  // not 0: statistics hold histograms too
};

/// A piece of one tensor: at most update_piece elements of the arena.
struct UpdatePiece {
  int64_t row, begin, size;
};
inline constexpr int64_t update_piece = 4096;

/// Statistics of one tensor, as doubles: saturated, non-finite, max |w|, sum of squares, range of the histogram, bins.
inline constexpr int update_bins = 32;
inline constexpr int update_columns = 5 + update_bins;

/// 12, 20 and 28 bytes a parameter in float32 for SGD, RMSProp and Adam; 8 for the clip alone.
inline Cost clip_update_cost(UpdateRule rule, int64_t size, int64_t element) {
  const int64_t accesses = rule == UpdateRule::only_clip ? 2
                           : rule == UpdateRule::sgd     ? 3
                           : rule == UpdateRule::rmsprop ? 5
                                                         : 7;
  return {accesses * element * size, 12 * size};
}

// T is float or double.
KANTOR_LAUNCHERS(
    /// Updates w [..] by gradient g, with the mean m (Adam) and the mean square v (RMSProp, Adam), then clips row r to
    /// [-bounds[r], bounds[r]] (infinite: not), then counts `statistics` [rows, update_columns]; those of the last
    /// update give the range of a histogram without bound. Pieces of a row stand together, rows in order.
    /// `partial`: pieces * update_columns doubles. NaN into the clip stays NaN.
    template <class T> void clip_update(const UpdateSettings& settings, T* w, const T* g, T* m, T* v,
                                        const UpdatePiece* pieces, int64_t piece_count, const double* bounds,
                                        int64_t rows, double* statistics, double* partial, Stream stream);)

}  // namespace kantor
