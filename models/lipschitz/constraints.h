// The makers of the constraints, one file each. Internal to models/lipschitz.
#pragma once

#include "models/lipschitz/constraint.h"

#include <memory>
#include <string>
#include <vector>

namespace kantor {

std::unique_ptr<Constraint> make_clip(const ConstraintConfig& config);
std::unique_ptr<Constraint> make_gradient_penalty(const ConstraintConfig& config, PenaltyKind kind);
std::unique_ptr<Constraint> make_zero_centred(const ConstraintConfig& config, bool at_real);
std::unique_ptr<Constraint> make_dragan(const ConstraintConfig& config);
std::unique_ptr<Constraint> make_spectral(const ConstraintConfig& config);
std::unique_ptr<Constraint> make_weight_norm(const ConstraintConfig& config);
std::unique_ptr<Constraint> make_group_sort(const ConstraintConfig& config);

/// The weight of a penalty. Throws Error unless it is finite and at least 0.
double checked_lambda(const ConstraintConfig& config);

/// The penalty of the critic's input gradient at `points`, ready to be differentiated by the critic's parameters.
ConstraintTerm penalize_at(const Network& critic, const Tensor& points, PenaltyKind kind, double coefficient);

/// The list with `parametrization` for every layer that has weights, all of which must be of `types`. Throws Error
/// naming the first that is not, or that has another parametrization already.
nlohmann::json parametrize(nlohmann::json layers, const std::string& parametrization,
                           const std::vector<std::string>& types);
/// Its "type"; "" for what is no layer, which the network refuses.
std::string layer_type(const nlohmann::json& layer);

}  // namespace kantor
