#include "models/lipschitz/constraint.h"

#include "engine/autograd.h"
#include "models/lipschitz/constraints.h"

#include <fmt/format.h>

namespace kantor {
namespace {

/// Nothing: to see what a critic does without any.
class Unconstrained final : public Constraint {
 public:
  [[nodiscard]] std::string name() const override { return "none"; }
};

}  // namespace

ConstraintTerm Constraint::penalty(const Network&, const ConstraintBatch&) const {
  return {};
}
void Constraint::set_bounds(Network&) const {}

std::unique_ptr<Constraint> make_constraint(const ConstraintConfig& config) {
  if (config.kind == "clip") return make_clip(config);
  if (config.kind == "penalty") return make_gradient_penalty(config, PenaltyKind::two_sided);
  if (config.kind == "one-sided") return make_gradient_penalty(config, PenaltyKind::one_sided);
  if (config.kind == "r1") return make_zero_centred(config, true);
  if (config.kind == "r2") return make_zero_centred(config, false);
  if (config.kind == "none") return std::make_unique<Unconstrained>();
  throw Error(fmt::format("unknown constraint '{}'; known are clip, penalty, one-sided, r1, r2, none", config.kind));
}

ConstraintTerm penalize_at(const Network& critic, const Tensor& points, PenaltyKind kind, double coefficient) {
  const Tensor x = points.detach();
  const Tensor g = grad(sum(critic(x)), {x}, {true, {}})[0];
  const PenaltyResult penalty = gradient_penalty(or_zeros(g, x), kind, coefficient);
  return {penalty.value, penalty.norms, x, or_zeros(g, x)};
}

CriticLoss critic_loss(const Network& critic, const Constraint& constraint, const ConstraintBatch& batch) {
  CriticLoss result;
  if (critic.has_batch_norm()) {
    result.real_scores = critic(batch.real);
    result.fake_scores = critic(batch.fake);
  } else {
    const int64_t n = batch.real.shape()[0];
    const Tensor scores = critic(concat({batch.real, batch.fake}));
    result.real_scores = slice(scores, 0, 0, n);
    result.fake_scores = slice(scores, 0, n, scores.shape()[0]);
  }
  result.wasserstein = mean(result.real_scores) - mean(result.fake_scores);
  result.term = constraint.penalty(critic, batch);
  result.loss = -result.wasserstein;
  if (result.term.value.defined()) result.loss = result.loss + result.term.value;
  return result;
}

Tensor generator_loss(const Network& critic, const Tensor& fake) {
  return -mean(critic(fake));
}

}  // namespace kantor
