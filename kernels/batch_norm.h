// Launchers of batch norm. Statistics are joined in double.
#pragma once

#include "kernels/launcher.h"

namespace kantor {

/// Channels that a block of batch norm takes.
inline constexpr int64_t norm_tile = 32;
/// Rows that it takes: enough blocks to fill a GPU, and no more, because each of the second launch reads what all of
/// the first have found.
inline int64_t batch_norm_chunk(int64_t rows, int64_t channels) {
  constexpr int64_t enough_blocks = 256, least_rows = 64;
  const int64_t tiles = (channels + norm_tile - 1) / norm_tile, wanted = enough_blocks / tiles;
  const int64_t chunk = wanted < 1 ? rows : (rows + wanted - 1) / wanted;
  return chunk < least_rows ? least_rows : chunk;
}
/// Doubles that batch_norm and batch_norm_grad need: two numbers of each chunk and channel.
inline int64_t batch_norm_workspace(int64_t rows, int64_t channels) {
  return 2 * ((rows + batch_norm_chunk(rows, channels) - 1) / batch_norm_chunk(rows, channels)) * channels;
}

// T is float or double.
KANTOR_LAUNCHERS(
    /// x [rows, channels] -> y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the batch's mean and
    /// (biased) variance [channels], which are outputs too (Ioffe and Szegedy 2015). `workspace`: batch_norm_workspace
    /// doubles.
    template <class T> void batch_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, T* mean,
                                       T* variance, int64_t rows, int64_t channels, double* workspace, Stream stream);
    /// The same with given statistics.
    template <class T>
    void batch_norm_fixed(const T* x, const T* gamma, const T* beta, const T* mean, const T* variance, double epsilon,
                          T* y, int64_t rows, int64_t channels, Stream stream);
    /// The derivatives of batch_norm's y by x, gamma and beta, times dy; mean and variance are those that it gave.
    template <class T>
    void batch_norm_grad(const T* x, const T* gamma, const T* dy, const T* mean, const T* variance, double epsilon,
                         T* dx, T* dgamma, T* dbeta, int64_t rows, int64_t channels, double* workspace, Stream stream);)

}  // namespace kantor
