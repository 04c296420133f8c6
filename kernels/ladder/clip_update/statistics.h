// The statistics of weights, which every version of `clip_update` leaves: passes of their own, for the versions that
// update first and count later, and the parts of these passes, for the versions that count while they update.
#pragma once

#include "kernels/ladder/clip_update/layout.h"
#include "kernels/launcher.h"

namespace kantor {

KANTOR_LAUNCHERS(
    /// One pass over the weights w: the first three columns of each piece. partial [pieces, columns].
    void count_numbers(const ladder::clip_update::Layout& layout, const float* w, const void* tables, double* partial,
                       Stream stream);
    /// One pass over the weights: the bins of each piece.
    void count_histograms(const ladder::clip_update::Layout& layout, const float* w, const void* tables,
                          double* partial, Stream stream);
    /// statistics [tensors, columns] from those of the pieces, which are added in order.
    void add_statistics(const ladder::clip_update::Layout& layout, const double* partial, float* statistics,
                        Stream stream);)

}  // namespace kantor
