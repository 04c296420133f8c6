// Zero-centred penalties (Mescheder et al. 2018): gamma/2 times the mean squared gradient norm, at real samples (R1) or
// at generated ones (R2).
#include "models/lipschitz/constraints.h"

#include <memory>

namespace kantor {
namespace {

class ZeroCentred final : public Constraint {
 public:
  ZeroCentred(const ConstraintConfig& config, bool at_real) : gamma_(checked_lambda(config)), at_real_(at_real) {}
  [[nodiscard]] std::string name() const override { return at_real_ ? "r1" : "r2"; }
  [[nodiscard]] ConstraintTerm penalty(const Network& critic, const CriticBatch& batch) const override {
    return penalize_at(critic, at_real_ ? batch.real : batch.fake, PenaltyKind::squared, gamma_);
  }
  [[nodiscard]] bool per_sample() const override { return true; }

 private:
  double gamma_;
  bool at_real_;
};

}  // namespace

extern const ConstraintKind r1_kind;
const ConstraintKind r1_kind{
    "r1", "R1", "lambda / 2 mean n^2 at real samples (Mescheder et al. 2018)",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> { return std::make_unique<ZeroCentred>(c, true); }};
extern const ConstraintKind r2_kind;
const ConstraintKind r2_kind{
    "r2", "R2", "lambda / 2 mean n^2 at generated samples (Mescheder et al. 2018)",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> { return std::make_unique<ZeroCentred>(c, false); }};

}  // namespace kantor
