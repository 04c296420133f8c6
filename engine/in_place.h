// Ops that write into tensors which are there: for training loops. The graph does not know of them; a captured step
// records them.
#pragma once

#include "engine/arena.h"

#include <vector>

namespace kantor {

/// Copies gradients, one per row (undefined: zeros), into the arena. Throws ShapeError naming the row that does not
/// fit.
void store_gradients(const std::vector<Tensor>& grads, const Arena& arena);

/// target <- decay * target + weight * source: for running averages.
void blend(const Tensor& target, const Tensor& source, double decay, double weight);

/// Adds one to an int64 counter of rank 0.
void increment(const Tensor& counter);

}  // namespace kantor
