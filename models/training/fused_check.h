// The self-check of fused steps: on a GPU they are compared with recorded steps before they are used. It runs once a
// card and build, takes seconds, and is remembered (engine/verification.h).
#pragma once

#include "engine/device.h"

#include <string>

namespace kantor {

/// Trains small GANs, and critics alone, of every padded width, alone and in teams, under a penalty and under clipping,
/// fused and recorded, for two steps. Returns "", or the first difference.
std::string check_fused_training(Device device);

/// Its finding for a device, remembered; `anew`: checked again. On `sim` the tests of the project check it: "".
std::string fused_training_finding(Device device, bool anew = false);

}  // namespace kantor
