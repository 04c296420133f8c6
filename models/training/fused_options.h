// Whether the steps of a training are fused: many in one launch (fused_training.h).
#pragma once

#include "kernels/arithmetic.h"

#include <cstdint>
#include <string>

namespace kantor {

/// Whether steps are fused: where they can be, always, or never.
enum class Fused : uint8_t { automatic, on, off };
/// By its name on the command line: auto, on, off. Throws Error naming them.
Fused parse_fused(const std::string& name);

/// In which arithmetic fused steps multiply: by three TF32 products where products are to (engine/products.h), else in
/// float32, until a GPU has measured which is faster.
Arithmetic fused_arithmetic();

/// How steps are fused: `team` blocks train the model, 0: as many as are useful and fit; `cluster` of them are a
/// cluster, 1: there are none, 0: chosen, where clusters have passed the self-check (fused_check.h).
struct FusedOptions {
  Fused fused = Fused::off;
  int team = 0;
  int cluster = 0;
  Arithmetic arithmetic = fused_arithmetic();
  bool multicast = false;  // the blocks of a cluster load weights together; no GPU has measured it yet
};

}  // namespace kantor
