// GroupSort on orthonormal weights (Anil, Lucas and Grosse 2019): linear layers that are kept orthonormal and, in place
// of every activation, sorted groups of units. Both keep the norm of a gradient, so the critic is 1-Lipschitz and can
// be steep everywhere. Anil et al. train any weights through some 20 of Bjoerck's iterations; here the optimizer's
// step from the projected gradient is made orthonormal again, which costs a third of that (width 256).
// An orthonormal matrix does not make a convolution orthonormal, and an rnn's tanh cannot be replaced: both refused.
#include "models/lipschitz/constraints.h"

#include <fmt/format.h>
#include <memory>
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

extern const ConstraintKind group_sort_kind;
const ConstraintKind group_sort_kind{
    "groupsort", "GroupSort",
    "weights that are kept orthonormal (put back by 10 iterations of Bjoerck's after every update), and sorted "
    "groups of units for activations (Anil, Lucas and Grosse 2019); mlp critics whose width the groups divide",
    [](const ConstraintConfig& c) -> std::unique_ptr<Constraint> { return std::make_unique<GroupSort>(c.sort_group); }};

}  // namespace kantor
