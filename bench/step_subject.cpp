#include "bench/step_subject.h"

#include "bench/op_subject.h"
#include "models/gan/gradients.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

namespace kantor {
namespace {

/// The network whose layers and weights a file of a step's start has, in float64.
Network network_of(const TensorFile& file, const std::string& name, const Shape& sample) {
  Network network(nlohmann::json::parse(file.metadata.at(name)), sample, {{DType::float64, {}}});
  load_parameters(network, file, name + ".");
  return network;
}

TensorFile exact_gradients(const TensorFile& start, const std::string& step) {
  const Tensor z = start.at("z").to(DType::float64), real = start.at("real");
  const Shape sample(std::span(real.shape().begin() + 1, real.shape().end()));
  const Network critic = network_of(start, "critic", sample),
                generator = network_of(start, "generator", {z.shape()[1]});
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

}  // namespace

Accuracy gradient_accuracy(const TensorFile& start, const TensorFile& gradients, const std::string& step) {
  // A score's gradient under no penalty is the difference of two means that are much larger.
  Comparison comparison(step == "clip" || step == "none" ? 3e-4 : 1e-5);
  const TensorFile expected = exact_gradients(start, step);
  double largest = 0;
  for (const auto& [name, tensor] : expected.tensors) {
    if (!name.starts_with("grad.")) continue;
    for (const double value : tensor.to_vector<double>()) largest = std::max(largest, std::fabs(value));
  }
  for (const auto& [name, tensor] : expected.tensors) {
    if (!name.starts_with("grad.")) continue;
    const auto found = gradients.at(name).to_vector<double>(), right = tensor.to_vector<double>();
    for (size_t i = 0; i < right.size(); ++i) comparison.add(i < found.size() ? found[i] : NAN, right[i], largest);
  }
  return comparison.result();
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
