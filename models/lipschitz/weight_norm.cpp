// Weight normalization (Salimans and Kingma 2016) as a constraint: rows of norm 1 and no free scale, so that every unit
// is 1-Lipschitz. A layer of n units is only sqrt(n)-Lipschitz: rows in the same direction add up.
#include "models/lipschitz/constraints.h"

#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

class WeightNorm final : public Constraint {
 public:
  [[nodiscard]] std::string name() const override { return "weight-norm"; }
  [[nodiscard]] nlohmann::json layers(const nlohmann::json& critic) const override {
    return parametrize(critic, "weight_norm", {"linear", "conv2d", "rnn"});
  }
  [[nodiscard]] bool per_layer() const override { return true; }
};

}  // namespace

extern const ConstraintKind weight_norm_kind;
const ConstraintKind weight_norm_kind{
    "weight-norm", "weight norm",
    "rows of weights over their norm, with no free scale (after Salimans and Kingma 2016): every unit "
    "is 1-Lipschitz, a layer of n units up to sqrt(n)",
    [](const ConstraintConfig&) -> std::unique_ptr<Constraint> { return std::make_unique<WeightNorm>(); }};

}  // namespace kantor
