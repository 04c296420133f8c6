// GroupSort with Bjoerck orthonormalization (Anil, Lucas and Grosse 2019): linear layers of orthonormal weights and, in
// place of every activation, sorted pairs. Both keep the norm of a gradient, so the critic is 1-Lipschitz and can be
// steep everywhere. An orthonormal matrix is no orthonormal convolution, and an rnn's tanh cannot be replaced: refused.
#include "models/lipschitz/constraints.h"

#include <nlohmann/json.hpp>
#include <set>

namespace kantor {
namespace {

class GroupSort final : public Constraint {
 public:
  [[nodiscard]] std::string name() const override { return "groupsort"; }
  [[nodiscard]] nlohmann::json layers(const nlohmann::json& critic) const override {
    static const std::set<std::string> activations{"relu", "leaky_relu", "tanh", "sigmoid", "softplus"};
    nlohmann::json result = parametrize(critic, "bjorck", {"linear"});
    for (nlohmann::json& layer : result) {
      if (activations.contains(layer_type(layer))) layer = {{"type", "group_sort"}};
    }
    return result;
  }
  [[nodiscard]] bool per_layer() const override { return true; }
};

}  // namespace

std::unique_ptr<Constraint> make_group_sort(const ConstraintConfig&) {
  return std::make_unique<GroupSort>();
}

}  // namespace kantor
