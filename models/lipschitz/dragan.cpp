// DRAGAN (Kodali et al. 2017): the two-sided gradient penalty round the data, at x + 0.5 std(x) U with U uniform in
// [0, 1) for each element. As in the released code, std is one number, the deviation of all elements of the batch.
#include "engine/grad_mode.h"
#include "models/lipschitz/constraints.h"

#include <memory>

namespace kantor {
namespace {

constexpr double reach = 0.5;  // size of the perturbation, in standard deviations

class Dragan final : public Constraint {
 public:
  explicit Dragan(const ConstraintConfig& config) : lambda_(checked_lambda(config)) {}
  [[nodiscard]] std::string name() const override { return "dragan"; }
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const CriticBatch& batch) const override {
    return penalize_at(critic, perturbed(batch), PenaltyKind::two_sided, lambda_);
  }
  [[nodiscard]] bool per_sample() const override { return true; }

 private:
  static Tensor perturbed(const CriticBatch& batch) {
    if (!batch.noise.defined() && !batch.noise_draw.step.defined()) {
      throw Error("dragan: the batch has neither noise nor a draw to take it from");
    }
    const NoGrad no_grad;
    const Tensor& x = batch.real;
    const Tensor deviation = sqrt(mean(square(x - mean(x))));
    const Tensor noise = batch.noise.defined() ? batch.noise : uniform(x.shape(), batch.noise_draw, x.dtype());
    return x + noise * (deviation * reach);
  }

  double lambda_;
};

}  // namespace

// Lambda as published: on ring8 a lambda of 0.1 leaves slopes of 30.
extern const ConstraintKind dragan_kind;
const ConstraintKind dragan_kind{
    "dragan",
    "DRAGAN",
    "lambda mean (n - 1)^2 at x + 0.5 std(x) U, U uniform in [0, 1) for every element, std over the batch "
    "(Kodali et al. 2017)",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> { return std::make_unique<Dragan>(c); },
    ConstraintDraws::noise,
    10};

}  // namespace kantor
