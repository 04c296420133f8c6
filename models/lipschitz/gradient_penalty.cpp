// The gradient penalty at points between real and generated samples: two-sided (Gulrajani et al. 2017) and one-sided
// (Petzka et al. 2018).
#include "models/lipschitz/constraints.h"

namespace kantor {
namespace {

class GradientPenaltyConstraint final : public Constraint {
 public:
  GradientPenaltyConstraint(const ConstraintConfig& config, PenaltyKind kind)
      : kind_(kind), lambda_(checked_lambda(config)) {}
  [[nodiscard]] std::string name() const override { return kind_ == PenaltyKind::two_sided ? "penalty" : "one-sided"; }
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const ConstraintBatch& batch) const override {
    const Tensor points = batch.eps.defined() ? interpolate(batch.real, batch.fake, batch.eps)
                                              : interpolate(batch.real, batch.fake, batch.eps_draw);
    return penalize_at(critic, points, kind_, lambda_);
  }
  [[nodiscard]] bool per_sample() const override { return true; }

 private:
  PenaltyKind kind_;
  double lambda_;
};

}  // namespace

std::unique_ptr<Constraint> make_gradient_penalty(const ConstraintConfig& config, PenaltyKind kind) {
  return std::make_unique<GradientPenaltyConstraint>(config, kind);
}

}  // namespace kantor
