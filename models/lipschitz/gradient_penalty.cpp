// The gradient penalty at points between real and generated samples: two-sided (Gulrajani et al. 2017) and one-sided
// (Petzka et al. 2018).
#include "models/lipschitz/constraints.h"

#include <memory>

namespace kantor {
namespace {

class GradientPenaltyConstraint final : public Constraint {
 public:
  GradientPenaltyConstraint(const ConstraintConfig& config, PenaltyKind kind)
      : kind_(kind), lambda_(checked_lambda(config)) {}
  [[nodiscard]] std::string name() const override { return kind_ == PenaltyKind::two_sided ? "penalty" : "one-sided"; }
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const CriticBatch& batch) const override {
    return penalize_at(critic, between(batch), kind_, lambda_);
  }
  [[nodiscard]] bool per_sample() const override { return true; }

 private:
  PenaltyKind kind_;
  double lambda_;
};

}  // namespace

extern const ConstraintKind penalty_kind;
const ConstraintKind penalty_kind{
    "penalty", "gradient penalty",
    "lambda mean (n - 1)^2, n the gradient norm between real and generated samples (Gulrajani et al. 2017)",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> {
      return std::make_unique<GradientPenaltyConstraint>(c, PenaltyKind::two_sided);
    },
    ConstraintDraws::eps};
extern const ConstraintKind one_sided_kind;
const ConstraintKind one_sided_kind{"one-sided", "one-sided penalty",
                                    "lambda mean max(n - 1, 0)^2, n as under penalty (Petzka et al. 2018)",
                                    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> {
                                      return std::make_unique<GradientPenaltyConstraint>(c, PenaltyKind::one_sided);
                                    },
                                    ConstraintDraws::eps};

}  // namespace kantor
