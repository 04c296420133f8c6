#include "bench/step_subject.h"

#include "bench/op_subject.h"
#include "engine/arena.h"
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "models/gan/gradients.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace kantor {
namespace {

/// How far rounding moves what goes into an activation in float32, some roundings of numbers near 1.
constexpr double rounding = 1e-6;

/// The network whose layers and weights a file of a step's start has, in float64, with all biases moved.
Network network_of(const TensorFile& file, const std::string& name, const Shape& sample, double bias_shift) {
  Network network(nlohmann::json::parse(file.metadata.at(name)), sample, {{DType::float64, {}}});
  load_parameters(network, file, name + ".");
  const NoGrad no_grad;
  const Arena& parameters = network.parameters();
  for (size_t i = 0; i < parameters.rows().size(); ++i) {
    const Tensor& parameter = parameters.tensors()[i];
    if (parameters.rows()[i].name.ends_with("bias")) parameter.copy_from(parameter + bias_shift);
  }
  return network;
}

TensorFile exact_gradients(const TensorFile& start, const std::string& step, double bias_shift) {
  const Tensor z = start.at("z").to(DType::float64), real = start.at("real");
  const Shape sample(std::span(real.shape().begin() + 1, real.shape().end()));
  const Network critic = network_of(start, "critic", sample, bias_shift),
                generator = network_of(start, "generator", {z.shape()[1]}, bias_shift);
  TensorFile of_generator = generator_gradients(generator, critic, z);
  if (step == "generator") return of_generator;
  GradientRequest request;
  request.real = real;
  request.fake = of_generator.at("sample");
  request.eps = start.at("eps");
  request.constraint.kind = step;
  return critic_gradients(critic, request);
}

/// FLOPs that the products of the hidden layers need at least (docs/architecture.md): 7 passes of a critic's step, 11
/// with a penalty; 0 for the generator's, whose last layer is another one.
int64_t flops_of(const BenchModel& model, const std::string& step) {
  const int64_t passes = step == "generator" ? 0 : step == "clip" || step == "none" ? 7 : 11;
  return passes * model.hidden_flops;
}

/// How far gradients are from lying between those of the files, of which the first sets the scale.
Accuracy accuracy_between(const TensorFile& gradients, const std::vector<const TensorFile*>& expected,
                          const std::string& step) {
  // A score's gradient under no penalty is the difference of two means that are much larger.
  Comparison comparison(step == "clip" || step == "none" ? 3e-4 : 1e-5);
  std::map<std::string, std::vector<double>> least, most;
  double largest = 0;
  for (const TensorFile* file : expected) {
    for (const auto& [name, tensor] : file->tensors) {
      if (!name.starts_with("grad.")) continue;
      const std::vector<double> values = tensor.to_vector<double>();
      auto &low = least.try_emplace(name, values).first->second, &high = most.try_emplace(name, values).first->second;
      for (size_t i = 0; i < values.size(); ++i) {
        low[i] = std::min(low[i], values[i]);
        high[i] = std::max(high[i], values[i]);
        if (file == expected.front()) largest = std::max(largest, std::fabs(values[i]));
      }
    }
  }
  for (const auto& [name, low] : least) {
    const auto found = gradients.at(name).to_vector<double>();
    const std::vector<double>& high = most.at(name);
    for (size_t i = 0; i < low.size(); ++i) {
      const double value = i < found.size() ? found[i] : NAN;
      comparison.add(value, std::max(low[i], std::min(high[i], value)), largest);  // of NaN: a number
    }
  }
  return comparison.result();
}

}  // namespace

Accuracy gradient_accuracy(const TensorFile& start, const TensorFile& gradients, const std::string& step) {
  const TensorFile expected = exact_gradients(start, step, 0);
  const Accuracy accuracy = accuracy_between(gradients, {&expected}, step);
  if (accuracy.passed()) return accuracy;
  // A unit so close to a ReLU's kink that rounding decides whether it is on makes the gradient jump: among 256 samples
  // and 3 x 1024 units there is about one. So right is every value from below the kink to above it.
  const TensorFile below = exact_gradients(start, step, -rounding), above = exact_gradients(start, step, rounding);
  return accuracy_between(gradients, {&expected, &below, &above}, step);
}

Subject step_subject(const BenchModel& model, const std::string& step, const OptimizerConfig& optimizer,
                     Device device) {
  Subject subject{step, model.name, {0, flops_of(model, step)}, {}, false, true};
  subject.in_place = true;
  subject.make = [=](Subject& made) {
    const auto timed = std::make_shared<TrainingStep>(model, step, optimizer, device);
    const auto start = std::make_shared<TensorFile>();
    made.step = [timed] { (*timed)(); };
    made.prepare = [timed, start] {
      timed->restart();
      *start = timed->inputs();
    };
    made.check = [timed, start, step] { return gradient_accuracy(*start, timed->gradients(), step); };
  };
  return subject;
}

}  // namespace kantor
