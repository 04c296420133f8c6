// The self-check of fused steps: on a GPU they are compared with recorded steps before they are used. It runs once a
// card and build, takes seconds, and is remembered (engine/verification.h).
#pragma once

#include "engine/device.h"
#include "kernels/arithmetic.h"

#include <string>

namespace kantor {

/// Trains small GANs, and critics alone, of every padded width, alone and in teams, under a penalty and, in float32,
/// under clipping, fused in that arithmetic and recorded, for two steps. Returns "", or the first difference.
std::string check_fused_training(Device device, Arithmetic arithmetic);

/// "fused steps", "fused steps by three TF32 products".
std::string fused_check_name(Arithmetic arithmetic);

/// Its finding for a device and an arithmetic that fused steps have, remembered; `anew`: checked again. On `sim` the
/// tests of the project check it: "".
std::string fused_training_finding(Device device, Arithmetic arithmetic, bool anew = false);

}  // namespace kantor
