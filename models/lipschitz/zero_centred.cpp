// Zero-centred penalties (Mescheder et al. 2018): gamma/2 times the mean squared gradient norm, at real samples (R1) or
// at generated ones (R2).
#include "models/lipschitz/constraints.h"

namespace kantor {
namespace {

class ZeroCentred final : public Constraint {
 public:
  ZeroCentred(const ConstraintConfig& config, bool at_real) : gamma_(checked_lambda(config)), at_real_(at_real) {}
  [[nodiscard]] std::string name() const override { return at_real_ ? "r1" : "r2"; }
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const ConstraintBatch& batch) const override {
    return penalize_at(critic, at_real_ ? batch.real : batch.fake, PenaltyKind::squared, gamma_);
  }
  [[nodiscard]] bool per_sample() const override { return true; }

 private:
  double gamma_;
  bool at_real_;
};

}  // namespace

std::unique_ptr<Constraint> make_zero_centred(const ConstraintConfig& config, bool at_real) {
  return std::make_unique<ZeroCentred>(config, at_real);
}

}  // namespace kantor
