// Weight normalization (Salimans and Kingma 2016) as a constraint: rows of norm 1 and no free scale, so that every unit
// is 1-Lipschitz. A layer of n units is so up to sqrt(n) only: rows that point the same way add up.
#include "models/lipschitz/constraints.h"

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

std::unique_ptr<Constraint> make_weight_norm(const ConstraintConfig&) {
  return std::make_unique<WeightNorm>();
}

}  // namespace kantor
