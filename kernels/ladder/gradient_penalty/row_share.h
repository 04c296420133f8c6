// One row's part of the penalty 10/rows sum of (n - 1)^2. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/row_penalty.h"

namespace kantor::KANTOR_BACKEND {

/// A row's share of the value, and the factor by which its gradient is scaled.
__device__ inline RowPenalty share_of_row(double n, int64_t rows) {
  const double share = 10 / double(rows);
  const RowPenalty of_row = row_penalty(PenaltyKind::two_sided, n);
  return {share * of_row.value, share * of_row.factor};
}

}  // namespace kantor::KANTOR_BACKEND
