// PenaltyKind: how a gradient penalty measures the norm n of a critic's input gradient.
#pragma once

#include <cstdint>

namespace kantor {

enum class PenaltyKind : uint8_t {
  two_sided,  // coefficient mean((n - 1)^2)
  one_sided,  // coefficient mean(max(n - 1, 0)^2)
  squared,    // coefficient/2 mean(n^2): R1 at real samples, R2 at generated ones
};

}  // namespace kantor
