// What the family `clip_update` and its versions share: where tensors, tables and statistics lie, and the numbers of
// the update. Plain C++.
//
// All tensors lie in one arena, each at a multiple of 64 bytes, so that there may be a gap behind each, which no
// version may touch. Kernels that take several tensors at once take them in pieces, which a table lists.
#pragma once

#include "kernels/clip_update.h"
#include "kernels/ladder/ladder.h"
#include "kernels/update_rules/adam.h"

namespace kantor::ladder::clip_update {

/// Columns of a tensor's statistics, and of a piece's: weights at the bound, the largest |w|, the sum of squares, then
/// the bins of a histogram of [-bound, bound].
inline constexpr int columns = 3 + update_bins;

inline constexpr UpdateSettings settings{.beta1 = 0.5, .beta2 = 0.9, .alpha = 0, .epsilon = 1e-8, .weight_decay = 0};
inline constexpr UpdateScalars first_update{1e-3, settings.beta1, settings.beta2};

/// Tensor t is clipped to [-bound, bound]. Each has a bound of its own, as parameter groups have.
inline double bound_of(int64_t tensor) {
  return 0.04 + 0.01 * static_cast<double>(tensor % 3);
}

struct Layout {
  int64_t tensors, elements;  // of each
  explicit Layout(const Sizes& sizes) : tensors(sizes[0]), elements(sizes[1]) {}

  /// From one tensor to the next, and all of the arena, in elements.
  [[nodiscard]] int64_t apart() const { return (elements + 15) / 16 * 16; }
  [[nodiscard]] int64_t arena() const { return tensors * apart(); }
  /// Elements of a piece, and how many pieces there are.
  [[nodiscard]] int64_t piece() const { return update_piece(tensors * elements); }
  [[nodiscard]] int64_t pieces_of_tensor() const { return (elements + piece() - 1) / piece(); }
  [[nodiscard]] int64_t pieces() const { return tensors * pieces_of_tensor(); }

  /// The tables: pieces, then bounds, the learning rate, and whether histograms are wanted.
  [[nodiscard]] size_t table_bytes() const {
    return static_cast<size_t>(pieces()) * sizeof(UpdatePiece) + static_cast<size_t>(tensors + 2) * sizeof(double);
  }
  [[nodiscard]] const UpdatePiece* piece_table(const void* tables) const {
    return static_cast<const UpdatePiece*>(tables);
  }
  [[nodiscard]] const double* bounds(const void* tables) const {
    return reinterpret_cast<const double*>(piece_table(tables) + pieces());
  }
  [[nodiscard]] const double* learning_rate(const void* tables) const { return bounds(tables) + tensors; }
  [[nodiscard]] const int64_t* histograms(const void* tables) const {
    return reinterpret_cast<const int64_t*>(learning_rate(tables) + 1);
  }

  /// The workspace, in doubles: statistics of pieces, then what only the engine's kernel keeps: statistics of tensors,
  /// the number of updates done, three powers of the decays, and a count of blocks.
  [[nodiscard]] int64_t workspace() const { return (pieces() + tensors) * update_columns + 5; }
};

}  // namespace kantor::ladder::clip_update
