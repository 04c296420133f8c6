// The op of several sums over rows at once, which a rewrite of a recording makes (recording/rewrites/group_sums.cpp).
#pragma once

#include "engine/op.h"
#include "kernels/reduce.h"

#include <memory>

namespace kantor {

/// Output k, of `sums.inner[k]` elements, is the sum over the `sums.n[k]` rows of input k.
std::shared_ptr<const Op> column_sums_op(const ColumnSums& sums);
/// The sums of such an op; null for any other.
const ColumnSums* column_sums_of(const Op& op);

}  // namespace kantor
