// What the constraints share. Internal to models/lipschitz.
#pragma once

#include "models/lipschitz/constraint.h"

#include <memory>
#include <string>
#include <vector>

namespace kantor {

/// The weight of a penalty. Throws Error unless it is finite and at least 0.
double checked_lambda(const ConstraintConfig& config);

/// Points, and d critic / d points there, which can be differentiated by the critic's parameters: what a penalty is
/// made of, by ordinary ops or by a fused one.
struct InputGradient {
  Tensor points, gradient;
};
InputGradient input_gradient_at(const Network& critic, const Tensor& points);

/// Points between the batch's real and generated samples, one eps a sample. Throws Error where the batch has neither
/// eps nor a draw; a kind that calls this says ConstraintDraws::eps.
Tensor between(const CriticBatch& batch);

/// The fused penalty of the critic's input gradient at `points`.
ConstraintTerm penalize_at(const Network& critic, const Tensor& points, PenaltyKind kind, double coefficient);

/// The list with `parametrization` for every layer that has weights, all of which must be of `types`. Throws Error
/// naming the first that is not, or that has another parametrization already.
nlohmann::json parametrize(nlohmann::json layers, const std::string& parametrization,
                           const std::vector<std::string>& types);
/// The "type" of a layer; "" for JSON that is not a layer, which the network refuses.
std::string layer_type(const nlohmann::json& layer);

}  // namespace kantor
