// PenaltyKind: how a gradient penalty measures the norm n of a critic's input gradient.
#pragma once

#include <cstdint>

namespace kantor {

/// What a gradient penalty computes of the norm n of each sample's input gradient.
enum class PenaltyKind : uint8_t {
  two_sided,  // coefficient mean((n - 1)^2)
  one_sided,  // coefficient mean(max(n - 1, 0)^2)
  squared,    // coefficient/2 mean(n^2): R1 at real samples, R2 at generated ones
};

}  // namespace kantor
