// Launchers of GroupSort (Anil, Lucas and Grosse 2019).
#pragma once

#include "kernels/launcher.h"

namespace kantor {

// T is float or double.
KANTOR_LAUNCHERS(
    /// y[2i], y[2i + 1] = x[2i], x[2i + 1], exchanged where key[2i] > key[2i + 1]. x == key sorts.
    template <class T> void maxmin(const T* x, const T* key, T* y, int64_t pairs, Stream stream);
    /// Sorts each `group` neighbours of x, NaN last, equal values in their old order: y[k] was at origin[k] of
    /// its group. y and origin must not be x.
    template <class T> void sort_groups(const T* x, T* y, int64_t* origin, int64_t size, int64_t group, Stream stream);
    /// y[k] = x[origin[k]] in each group; `back`: y[origin[k]] = x[k]. origin must be a permutation of each group.
    template <class T> void permute_groups(const T* x, const int64_t* origin, T* y, int64_t size, int64_t group,
                                           bool back, Stream stream);)

}  // namespace kantor
