#include "bench/optimizer_subject.h"

#include "bench/op_subject.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "kernels/clip_update.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <utility>

namespace kantor {
namespace {

constexpr double bound = 0.01;

/// Stretches of an arena that are compared: all of a small one, else 64 from its first element to its last.
struct Stretches {
  int64_t count, length, size;
  explicit Stretches(int64_t elements) : count(1), length(elements), size(elements) {
    if (elements <= int64_t{1} << 20) return;
    count = 64;
    length = 16384;
  }
  [[nodiscard]] std::vector<float> of(const Tensor& flat) const {
    std::vector<float> all;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t begin = count == 1 ? 0 : (size - length) / (count - 1) * i;
      const auto part = flat.narrow(i + 1 == count ? size - length : begin, {length}).to_vector<float>();
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }
};

struct Held {
  Arena parameters, gradients;
  std::unique_ptr<Optimizer> optimizer;
  Stretches stretches;
  // Before the run that is checked: the weights, and the rule's state arrays.
  std::vector<float> weights;
  std::vector<std::vector<float>> states;
  double step = 0;

  Held(const std::string& rule, int64_t size, Device device)
      : parameters({{"w", {size}}}, {DType::float32, device}), gradients(parameters.like()), stretches(size) {
    const int64_t all = parameters.flat().size();
    parameters.flat().copy_from(random_values({all}, device, 1) * 0.01);
    gradients.flat().copy_from(random_values({all}, device, 2) * 1e-3);
    OptimizerConfig config;
    config.rule = rule;
    optimizer = std::make_unique<Optimizer>(config, parameters, std::vector<double>{bound});
  }

  void prepare() {
    weights = stretches.of(parameters.flat());
    states.clear();
    for (const auto& state : optimizer->state()) states.push_back(stretches.of(state.second.flat()));
    step = optimizer->step().item() + 1;
    poison(optimizer->raw_statistics());
  }

  [[nodiscard]] Accuracy check() const {
    Comparison comparison(1e-6);
    const auto g = stretches.of(gradients.flat()), w = stretches.of(parameters.flat());
    std::vector<std::vector<float>> found;
    for (const auto& state : optimizer->state()) found.push_back(stretches.of(state.second.flat()));
    for (size_t i = 0; i < w.size(); ++i) {
      double state[2] = {};
      for (size_t s = 0; s < states.size(); ++s) state[s] = states[s][i];
      const double before[2] = {state[0], state[1]}, change = update(g[i], state);
      const double right = std::clamp(weights[i] - change, -bound, bound);
      comparison.add(w[i], right, std::fabs(weights[i]) + std::fabs(change));
      for (size_t s = 0; s < states.size(); ++s) {
        comparison.add(found[s][i], state[s], std::fabs(before[s]) + std::fabs(state[s]));
      }
    }
    compare_statistics(comparison);
    return comparison.result();
  }

 private:
  /// What is subtracted from a weight; changes the state. The formulas of Kingma and Ba 2014 and of PyTorch's RMSprop.
  double update(double g, double (&state)[2]) const {
    const OptimizerConfig& c = optimizer->config();
    if (c.rule == "sgd") return c.learning_rate * g;
    if (c.rule == "rmsprop") {
      state[0] = c.alpha * state[0] + (1 - c.alpha) * g * g;
      return c.learning_rate * g / (std::sqrt(state[0]) + c.epsilon);
    }
    state[0] = c.beta1 * state[0] + (1 - c.beta1) * g;
    state[1] = c.beta2 * state[1] + (1 - c.beta2) * g * g;
    const double m = state[0] / (1 - std::pow(c.beta1, step)), v = state[1] / (1 - std::pow(c.beta2, step));
    return c.learning_rate * m / (std::sqrt(v) + c.epsilon);
  }

  void compare_statistics(Comparison& comparison) const {
    const auto all = parameters.flat().to_vector<float>();
    double squares = 0, largest = 0, saturated = 0;
    for (int64_t i = 0; i < stretches.size; ++i) {
      const double w = all[static_cast<size_t>(i)];
      squares += w * w;
      largest = std::max(largest, std::fabs(w));
      saturated += std::fabs(w) == static_cast<double>(static_cast<float>(bound)) ? 1 : 0;
    }
    const auto raw = optimizer->raw_statistics().to_vector<double>();
    comparison.add(raw[0], saturated, saturated);
    comparison.add(raw[1], 0, 0);
    comparison.add(raw[2], largest, largest);
    comparison.add(raw[3], squares, squares);
  }
};

}  // namespace

Subject optimizer_subject(const std::string& title, const std::string& rule, int64_t size, Device device) {
  const int states = optimizer_state_arrays(rule);
  Subject subject{
      title + " + clip + statistics", fmt::format("{} parameters", size), clip_update_cost(true, states, size, 4), {}};
  subject.streams = {2 + states, 1 + states, true};
  subject.in_place = true;
  subject.make = [rule, size, device](Subject& made) {
    const auto held = std::make_shared<Held>(rule, size, device);
    made.step = [held] { held->optimizer->update(held->gradients); };
    made.prepare = [held] { held->prepare(); };
    made.check = [held] { return held->check(); };
  };
  return subject;
}

}  // namespace kantor
