// A gradient penalty for one sample, which the kernels and the CPU share.
#pragma once

#include "kernels/compile.h"
#include "kernels/penalty_kind.h"

namespace kantor {

/// For one sample of norm n, both divided by coefficient / B: its part of the penalty, f(n), and f'(n) / n, by which
/// its gradient is scaled: d penalty / d g = factor g. NaN fails every comparison and is returned.
struct RowPenalty {
  double value, factor;
};

KANTOR_FUNCTION inline RowPenalty row_penalty(PenaltyKind kind, double n) {
  switch (kind) {
    case PenaltyKind::two_sided:
      return {(n - 1) * (n - 1), n == 0 ? 0 : 2 * (n - 1) / n};
    case PenaltyKind::one_sided:
      return {n <= 1 ? 0 : (n - 1) * (n - 1), n <= 1 ? 0 : 2 * (n - 1) / n};
    case PenaltyKind::squared:
      return {n * n / 2, 1};
  }
  return {0, 0};
}

}  // namespace kantor
