// Launchers of GroupSort in groups of 2 (Anil, Lucas and Grosse 2019).
#pragma once

#include "kernels/launcher.h"

namespace kantor {

// T is float or double.
KANTOR_LAUNCHERS(
    /// y[2i], y[2i + 1] = x[2i], x[2i + 1], exchanged where key[2i] > key[2i + 1]. x == key sorts.
    template <class T> void order_pairs(const T* x, const T* key, T* y, int64_t pairs, Stream stream);)

}  // namespace kantor
