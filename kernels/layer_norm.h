// Launchers of layer norm. Statistics accumulate in double.
#pragma once

#include "kernels/launcher.h"

namespace kantor {

/// Rows that a block of layer_norm_grad takes: enough blocks to fill a GPU, and no more than it has statistics of.
inline constexpr int64_t most_layer_norm_rows = 16;
inline int64_t layer_norm_chunk(int64_t rows) {
  constexpr int64_t enough_blocks = 132;
  const int64_t chunk = (rows + enough_blocks - 1) / enough_blocks;
  return chunk < 1 ? 1 : chunk > most_layer_norm_rows ? most_layer_norm_rows : chunk;
}
/// Doubles that layer_norm_grad needs: two numbers of each chunk and column.
inline int64_t layer_norm_workspace(int64_t rows, int64_t width) {
  return 2 * ((rows + layer_norm_chunk(rows) - 1) / layer_norm_chunk(rows)) * width;
}

// T is float or double.
KANTOR_LAUNCHERS(
    /// Normalizes each row of x [rows, width] by its own statistics; gamma and beta [width] (Ba et al. 2016).
    template <class T> void layer_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, int64_t rows,
                                       int64_t width, Stream stream);
    /// Its derivatives by x, gamma and beta, times dy. `workspace`: layer_norm_workspace doubles.
    template <class T> void layer_norm_grad(const T* x, const T* gamma, const T* dy, double epsilon, T* dx, T* dgamma,
                                            T* dbeta, int64_t rows, int64_t width, double* workspace, Stream stream);)

}  // namespace kantor
