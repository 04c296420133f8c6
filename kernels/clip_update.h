// Launchers of the fused optimizer step: update, clip and weight statistics in one pass over an arena.
#pragma once

#include "kernels/launcher.h"
#include "kernels/update_rules/update_settings.h"

namespace kantor {

/// A piece of one tensor: at most update_piece() elements of the arena.
struct UpdatePiece {
  int64_t row, begin, size;
};
/// Elements of a piece in an arena of that many: small arenas are spread over the whole GPU, large ones have few
/// partial statistics to add.
inline int64_t update_piece(int64_t elements) {
  return elements <= int64_t{1} << 22 ? 4096 : 16384;
}

/// Statistics of one tensor, as doubles: saturated, non-finite, max |w|, sum of squares, range of the histogram, bins.
inline constexpr int update_bins = 32;
inline constexpr int update_columns = 5 + update_bins;

/// In place of a rule's place in `update_rules`: the clip and the statistics alone.
inline constexpr int clip_only = -1;

/// Bytes a parameter: the weight and each state array are read and written, the gradient is read. 12, 20 and 28 in
/// float32 for no, one and two state arrays; 8 for the clip alone, which reads no gradient.
inline Cost clip_update_cost(bool gradient, int states, int64_t size, int64_t element) {
  return {(2 + (gradient ? 1 : 0) + 2 * states) * element * size, 12 * size};
}

/// How far a training is; all of it lies in device memory.
struct UpdateProgress {
  int64_t* step;                // updates done
  double* powers;               // beta1^t, beta2^t and t of the next update, or a t that is not the next one's
  unsigned long long* arrived;  // blocks that have ended; 0 between launches
};

/// The arrays of one update. Pieces of a row stand together, rows in order. T is float or double.
template <class T>
struct UpdateArrays {
  T* w;                  // the arena
  const T* g;            // its gradient
  T *first, *second;     // the rule's state arrays, or null
  const double* bounds;  // [rows], infinite where a row is not clipped
  double* statistics;    // [rows, update_columns]; those of the last update give the range of a histogram without bound
  double* partial;       // [pieces, update_columns], workspace
  const UpdatePiece* pieces;
  int64_t piece_count, rows;
  UpdateProgress progress;
};

KANTOR_LAUNCHERS(
    /// Updates w by the rule at `rule` of update_rules, clips row r to [-bounds[r], bounds[r]], counts `statistics`,
    /// and counts the step unless the rule is clip_only. `histograms` not 0: statistics hold histograms too. It lies in
    /// device memory, as `learning_rate` does. A NaN weight stays NaN when it is clipped.
    template <class T> void clip_update(int rule, const UpdateSettings& settings, const double* learning_rate,
                                        const int64_t* histograms, const UpdateArrays<T>& arrays, Stream stream);)

}  // namespace kantor
