// Launcher of a kernel of one's own: plain C++, for the op that calls it and for the kernel's file.
#pragma once

#include <kernels/launcher.h>

namespace kantor {

// Bytes: x is read, y written, one factor a row: 8 bytes an element in float32.
KANTOR_LAUNCHERS(
    /// y [rows, width] = factors [rows] x, row by row. T is float or double.
    template <class T> void scale_rows(const T* x, const T* factors, T* y, int64_t rows, int64_t width, Stream stream);)

}  // namespace kantor
