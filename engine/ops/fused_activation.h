// Which activations an op may fuse, and what happens to the others.
#pragma once

#include "engine/ops.h"

namespace kantor {

/// Fused ops keep y = f(z) and not z, so f' must be a function of y. A leaky ReLU of negative slope falls and rises
/// again, so its f' is not: the op leaves it out (`inside`), and it is applied to the op's result (`after`).
struct FusedActivation {
  Activation inside, after;
};
/// Throws Error for a slope that is not finite in float32.
FusedActivation split_activation(Activation activation);

}  // namespace kantor
