// The op of a pointwise program, which a rewrite of a recording makes of several pointwise ops
// (recording/rewrites/pointwise.cpp).
#pragma once

#include "engine/op.h"
#include "kernels/pointwise_program.h"

#include <memory>
#include <string>

namespace kantor {

/// Outputs have the shape and type of `spec`; inputs have as many elements, or one. The name, in errors and profiles,
/// is that of the ops that it was made of: "log+scale_shift+exp".
std::shared_ptr<const Op> pointwise_program_op(std::string name, const PointwiseProgram& program,
                                               const TensorSpec& spec);
/// The program of such an op; null for any other.
const PointwiseProgram* program_of(const Op& op);

}  // namespace kantor
