// Reverse-mode differentiation: prune to the paths that reach the xs, then run the vjps in reverse topological order.
#include "engine/autograd.h"

#include "engine/apply.h"
#include "engine/grad_mode.h"
#include "engine/ops.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>
#include <utility>

namespace kantor {
namespace {

class Alias final : public OpOf<Alias> {
 public:
  [[nodiscard]] const char* name() const override { return "alias"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs, Outputs) const override {}
  [[nodiscard]] std::optional<Value> alias(std::span<const Tensor> inputs) const override { return inputs[0].value(); }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& context) const override { return {context.grads[0]}; }
};

/// What the backward pass knows of a node: whether some x is reached through it, and its outputs' gradients.
struct Visit {
  bool reaches = false;
  std::vector<Tensor> grads;
};

class Backward {
 public:
  Backward(const Tensor& y, const std::vector<Tensor>& xs) {
    for (const Tensor& x : xs) targets_[x.node().get()] = true;
    order(y.node().get());
  }

  std::vector<Tensor> run(const Tensor& y, const Tensor& seed, const std::vector<Tensor>& xs) {
    add(y, seed);
    for (auto node = order_.rbegin(); node != order_.rend(); ++node) propagate(**node);
    std::vector<Tensor> result;
    for (const Tensor& x : xs) {
      const auto visit = visits_.find(x.node().get());
      const bool seen = visit != visits_.end() && !visit->second.grads.empty();
      result.push_back(seen ? visit->second.grads[static_cast<size_t>(x.index())] : Tensor());
    }
    return result;
  }

 private:
  /// Depth-first postorder without recursion: inputs come before their node. Graphs of deep networks are long.
  void order(Node* root) {
    std::vector<std::pair<Node*, size_t>> stack{{root, 0}};
    visits_.try_emplace(root);
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next < node->inputs.size()) {
        Node* input = node->inputs[next++].node().get();
        if (visits_.try_emplace(input).second) stack.emplace_back(input, 0);
        continue;
      }
      bool reaches = targets_.contains(node);
      for (const Tensor& input : node->inputs) reaches = reaches || visits_.at(input.node().get()).reaches;
      visits_.at(node).reaches = reaches;
      if (reaches) order_.push_back(node);
      stack.pop_back();
    }
  }

  void add(const Tensor& output, const Tensor& g) {
    Visit& visit = visits_.at(output.node().get());
    visit.grads.resize(output.node()->outputs.size());
    Tensor& sum = visit.grads[static_cast<size_t>(output.index())];
    sum = sum.defined() ? kantor::add(sum, g) : g;
  }

  void propagate(Node& node) {
    Visit& visit = visits_.at(&node);
    if (node.inputs.empty() || visit.grads.empty()) return;
    std::vector<bool> wanted;
    for (const Tensor& input : node.inputs) wanted.push_back(visits_.at(input.node().get()).reaches);
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) return;
    require_unchanged(node);
    // A gradient that no x needs is dropped here, so that the next products can use its memory.
    const std::vector<Tensor> grads = targets_.contains(&node) ? visit.grads : std::exchange(visit.grads, {});
    std::vector<Tensor> outputs;
    const std::shared_ptr<Node> owner = shared(node);
    for (size_t i = 0; i < node.outputs.size(); ++i) outputs.emplace_back(owner, static_cast<int>(i));
    const std::vector<Tensor> input_grads = node.op->vjp({node.inputs, outputs, grads, wanted});
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!wanted[i] || i >= input_grads.size() || !input_grads[i].defined()) continue;
      if (input_grads[i].shape() != node.inputs[i].shape()) {
        throw ShapeError(fmt::format("the derivative of {} by its input {} has shape {}, the input {}", node.op->name(),
                                     i, to_string(input_grads[i].shape()), to_string(node.inputs[i].shape())));
      }
      add(node.inputs[i], input_grads[i]);
    }
  }

  /// An input that was overwritten has no derivative any more. For outputs this holds for every op, not only for those
  /// whose derivative uses the output: what was computed from the new value does not depend on the inputs. Outputs
  /// have storages of their own, and those of view ops are the input's, so that nothing else is refused.
  static void require_unchanged(const Node& node) {
    const size_t inputs = node.inputs.size();
    for (size_t k = 0; k < node.versions.size(); ++k) {
      const Value& value = k < inputs ? node.inputs[k].value() : node.outputs[k - inputs];
      if (value.storage->version == node.versions[k]) continue;
      throw VersionError(fmt::format(
          "grad through {}: its {} {} ({}) was overwritten since; write into a copy, or take "
          "the gradient first",
          node.op->name(), k < inputs ? "input" : "output", k < inputs ? k : k - inputs, describe(Tensor(value))));
    }
  }

  static std::shared_ptr<Node> shared(Node& node) { return node.shared_from_this(); }

  std::unordered_map<Node*, bool> targets_;
  std::unordered_map<Node*, Visit> visits_;
  std::vector<Node*> order_;
};

}  // namespace

std::vector<Tensor> grad(const Tensor& y, const std::vector<Tensor>& xs, GradOptions options) {
  Tensor seed = options.seed;
  if (!seed.defined()) {
    if (y.size() != 1) throw ShapeError(fmt::format("grad of {}: give a seed of its shape, or sum it", describe(y)));
    seed = ones(y.shape(), {y.dtype(), y.device()});
  } else if (seed.shape() != y.shape()) {
    throw ShapeError(fmt::format("grad of {}: the seed is {}", describe(y), describe(seed)));
  } else if (seed.dtype() != y.dtype()) {
    throw DTypeError(fmt::format("grad of {}: the seed is {}; convert it with to(dtype)", describe(y), describe(seed)));
  } else if (seed.device() != y.device()) {
    throw DeviceError(fmt::format("grad of {}: the seed is {}; move it with to(device)", describe(y), describe(seed)));
  }
  Backward backward(y, xs);
  const GradMode mode(options.create_graph);
  return backward.run(y, seed, xs);
}

Tensor alias(const Tensor& x) {
  const GradMode grad_on(true);
  return apply1(std::make_shared<const Alias>(), {x});
}

Tensor or_zeros(const Tensor& g, const Tensor& x) {
  return g.defined() ? g : zeros(x.shape(), {x.dtype(), x.device()});
}

}  // namespace kantor
