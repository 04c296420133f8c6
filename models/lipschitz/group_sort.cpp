// GroupSort on orthonormal weights (Anil, Lucas and Grosse 2019): linear layers that are kept orthonormal and, in place
// of every activation, sorted groups of units. Both keep the norm of a gradient, so the critic is 1-Lipschitz and can
// be steep everywhere. Anil et al. train any weights through some 20 of Bjoerck's iterations; here the optimizer's
// step from the projected gradient is put back among the orthonormal matrices, which costs a third of that (width 256).
// An orthonormal matrix is no orthonormal convolution, and an rnn's tanh cannot be replaced: refused.
#include "models/lipschitz/constraints.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace kantor {
namespace {

class GroupSort final : public Constraint {
 public:
  explicit GroupSort(int64_t group) : group_(group) {
    if (group < 0 || group == 1) {
      throw Error(fmt::format("groupsort.group = {}: expected 0, for whole layers, or at least 2", group));
    }
  }
  [[nodiscard]] std::string name() const override { return "groupsort"; }
  [[nodiscard]] nlohmann::json layers(const nlohmann::json& critic) const override {
    static const std::set<std::string> activations{"relu", "leaky_relu", "tanh", "sigmoid", "softplus", "group_sort"};
    nlohmann::json result = parametrize(critic, "orthonormal", {"linear"}), units;
    for (nlohmann::json& layer : result) {
      if (layer_type(layer) == "linear") units = layer.value("out", nlohmann::json());
      if (!activations.contains(layer_type(layer))) continue;
      layer = {{"type", "group_sort"}, {"group", group_ == 0 ? units : nlohmann::json(group_)}};
    }
    return result;
  }
  [[nodiscard]] bool per_layer() const override { return true; }

 private:
  int64_t group_;
};

}  // namespace

std::unique_ptr<Constraint> make_group_sort(const ConstraintConfig& config) {
  return std::make_unique<GroupSort>(config.sort_group);
}

}  // namespace kantor
