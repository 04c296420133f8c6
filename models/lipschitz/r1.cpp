// R1 (Mescheder et al. 2018): gamma/2 times the mean squared gradient norm at real samples.
#include "models/lipschitz/constraints.h"

#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

class R1 final : public Constraint {
 public:
  explicit R1(const ConstraintConfig& config) : gamma_(config.lambda) {
    if (!(gamma_ >= 0) || !std::isfinite(gamma_)) {
      throw Error(fmt::format("critic.lambda = {}: expected a finite number of at least 0", gamma_));
    }
  }
  [[nodiscard]] std::string name() const override { return "r1"; }
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const ConstraintBatch& batch) const override {
    return penalize_at(critic, batch.real, PenaltyKind::squared, gamma_);
  }
  [[nodiscard]] bool per_sample() const override { return true; }

 private:
  double gamma_;
};

}  // namespace

std::unique_ptr<Constraint> make_r1(const ConstraintConfig& config) {
  return std::make_unique<R1>(config);
}

}  // namespace kantor
