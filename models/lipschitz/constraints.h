// The makers of the constraints, one file each. Internal to models/lipschitz.
#pragma once

#include "models/lipschitz/constraint.h"

#include <memory>

namespace kantor {

std::unique_ptr<Constraint> make_clip(const ConstraintConfig& config);
std::unique_ptr<Constraint> make_gradient_penalty(const ConstraintConfig& config, PenaltyKind kind);
std::unique_ptr<Constraint> make_zero_centred(const ConstraintConfig& config, bool at_real);

/// The penalty of the critic's input gradient at `points`, ready to be differentiated by the critic's parameters.
ConstraintTerm penalize_at(const Network& critic, const Tensor& points, PenaltyKind kind, double coefficient);

}  // namespace kantor
