// Launcher of layer norm. Statistics accumulate in double.
#pragma once

#include "kernels/launcher.h"

namespace kantor {

// T is float or double.
KANTOR_LAUNCHERS(
    /// Normalizes each row of x [rows, width] by its own statistics; gamma and beta [width] (Ba et al. 2016).
    template <class T> void layer_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, int64_t rows,
                                       int64_t width, Stream stream);)

}  // namespace kantor
