// Launchers of the gradient penalty: interpolation, and norms, penalty and its derivative in one pass.
#pragma once

#include "kernels/launcher.h"
#include "kernels/penalty_kind.h"
#include "kernels/philox.h"

namespace kantor {

/// Elements of a row that one block takes where rows are split over blocks.
inline constexpr int64_t penalty_stretch = 8192;
/// Rows are split if one block cannot keep a row (every GPU from sm_75 on has 64 KiB a block), or if they are too few
/// for a GPU.
inline bool splits_rows(int64_t rows, int64_t width, int64_t element) {
  constexpr int64_t chip_bytes = 60 * 1024, few_rows = 64;
  return width * element > chip_bytes || (rows < few_rows && width > penalty_stretch);
}
/// Doubles that gradient_penalty needs.
inline int64_t gradient_penalty_workspace(int64_t rows, int64_t width, int64_t element) {
  const int64_t stretches = (width + penalty_stretch - 1) / penalty_stretch;
  return rows + (splits_rows(rows, width, element) ? rows * stretches : 0);
}

/// Interpolation moves 12 bytes per element in float32, none for random numbers. The penalty moves 8 if a row fits on
/// chip, otherwise 12.
inline Cost interpolate_cost(int64_t rows, int64_t width, int64_t element) {
  return {rows * 3 * width * element, 3 * rows * width};
}
inline Cost gradient_penalty_cost(int64_t rows, int64_t width, int64_t element) {
  return {rows * (2 * width + 1) * element, 3 * rows * width};
}

// T is float or double.
KANTOR_LAUNCHERS(
    /// out [rows, width] = eps x + (1 - eps) fake, one eps [rows] a row.
    template <class T>
    void interpolate(const T* real, const T* fake, const T* eps, T* out, int64_t rows, int64_t width, Stream stream);
    /// The same with the eps of row r drawn in the kernel: element r of draw_uniform under `key`.
    template <class T> void interpolate_drawn(const T* real, const T* fake, DrawKey key, T* out, int64_t rows,
                                              int64_t width, Stream stream);
    /// g [rows, width] -> value [], derivative [rows, width] = d value / d g, norms [rows]. At |g| = 0 the derivative
    /// is 0. `workspace`: gradient_penalty_workspace doubles.
    template <class T> void gradient_penalty(PenaltyKind kind, double coefficient, const T* g, T* value, T* derivative,
                                             T* norms, int64_t rows, int64_t width, double* workspace, Stream stream);)

}  // namespace kantor
