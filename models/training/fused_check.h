// The self-check of fused steps: on a GPU they are compared with recorded steps before they are used. It runs once a
// card and build, takes seconds, and is remembered (engine/verification.h).
#pragma once

#include "engine/device.h"
#include "kernels/arithmetic.h"

#include <array>
#include <cstdint>
#include <string>

namespace kantor {

/// Which kernels are checked: those of blocks by themselves, those of clusters, which not every GPU has, or those that
/// multiply on tensor cores.
enum class FusedPart : uint8_t { blocks, clusters, three_tf32 };
inline constexpr std::array<FusedPart, 3> all_fused_parts = {FusedPart::blocks, FusedPart::clusters,
                                                             FusedPart::three_tf32};
/// "fused steps", "fused steps in clusters", "fused steps by three TF32 products".
std::string name_of(FusedPart part);
/// What fused steps in an arithmetic need.
FusedPart fused_part(Arithmetic arithmetic);
/// "", or why the device has none of them.
std::string why_absent(Device device, FusedPart part);

/// Trains small GANs, and critics alone, of every padded width, fused and recorded, for two steps: of blocks, alone and
/// in teams without clusters, under a penalty and under clipping; by three TF32 products, the same under a penalty; in
/// clusters, teams of one and of two under a penalty. Returns "", or the first difference.
std::string check_fused_training(Device device, FusedPart part);

/// Its finding for a device, remembered by itself; "" where there are none of them. `anew`: checked again. On `sim` the
/// tests of the project check it: "".
std::string fused_training_finding(Device device, FusedPart part = FusedPart::blocks, bool anew = false);

/// The cluster of trainings on this device: 0, it is chosen, or 1, there is none, where clusters have a finding.
int fused_cluster(Device device);

}  // namespace kantor
