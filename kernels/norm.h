// Launchers of normalization. Statistics accumulate in double.
#pragma once

#include "kernels/launcher.h"
#include "kernels/reduce.h"

namespace kantor {

/// Doubles that batch_norm needs for its partial sums and statistics.
inline int64_t batch_norm_workspace(int64_t rows, int64_t channels) {
  return (sum_chunks(rows, channels) + 2) * channels;
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
    /// Normalizes each row of x [rows, width] by its own statistics; gamma and beta [width] (Ba et al. 2016).
    template <class T> void layer_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, int64_t rows,
                                       int64_t width, Stream stream);)

}  // namespace kantor
