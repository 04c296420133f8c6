// The random values from which the rows of the op table make their cases. Internal to op_table*.cpp.
#pragma once

#include "engine/ops.h"
#include "tests/op_table.h"

namespace kantor::testing {

/// An extent that is ragged on purpose: 0, 1, or near the width of a vector or of a piece.
int64_t extent(HostRandom& random, bool allow_empty = true);
/// From low to high.
int64_t small(HostRandom& random, int64_t low = 1, int64_t high = 6);
/// float64, away from 0.
Tensor positive(const Shape& shape, HostRandom& random);
/// A function of one tensor, differentiable by it.
Case unary(const Tensor& x, const std::function<Tensor(const Tensor&)>& fn);
Activation any_activation(HostRandom& random);
/// A leaky ReLU of negative slope: its derivative is not a function of its output, so that no op fuses it.
inline constexpr Activation falling_activation{Activation::Kind::leaky_relu, -0.4};

/// Convolution, normalization, the penalty and GroupSort (op_table_layers.cpp): the end of the table.
std::vector<OpRow> layer_rows();

}  // namespace kantor::testing
