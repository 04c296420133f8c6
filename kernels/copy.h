// Launchers that move elements: between strided places (transposition, slices, concatenation, padding, repetition), and
// rows by index.
#pragma once

#include "kernels/launcher.h"

namespace kantor {

/// Element i of [extents] goes from `source` at sum index * source_stride to `target` at sum index * target_stride.
struct CopyShape {
  static constexpr int max_rank = 8;
  int rank = 0;
  int64_t extents[max_rank] = {};
  int64_t source_strides[max_rank] = {}, target_strides[max_rank] = {};
};

// T is float, double or int64_t; for scatter_add_rows float or double.
KANTOR_LAUNCHERS(
    template <class T>
    void strided_copy(const T* source, T* target, const CopyShape& shape, int64_t size, Stream stream);
    /// y [count, width] = rows of x [rows, width] by index [count]. A row whose index is out of range is NaN (0 for
    /// int64).
    template <class T>
    void gather_rows(const T* x, const int64_t* index, T* y, int64_t rows, int64_t count, int64_t width, Stream stream);
    /// y [rows, width] = sums of the rows of x [count, width] by index, in order. Indices out of range make row 0 NaN.
    template <class T> void scatter_add_rows(const T* x, const int64_t* index, T* y, int64_t rows, int64_t count,
                                             int64_t width, Stream stream);)

}  // namespace kantor
