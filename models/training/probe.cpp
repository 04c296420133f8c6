#include "models/training/probe.h"

#include "engine/autograd.h"
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace kantor {

Tensor input_gradients(const Network& critic, const Tensor& x) {
  const Tensor leaf = x.detach();
  return or_zeros(grad(sum(critic(leaf, Mode::evaluate)), {leaf})[0], leaf);
}

std::vector<double> gradient_norms(const Network& critic, const Tensor& x) {
  const Tensor g = input_gradients(critic, x);
  const NoGrad no_grad;
  return row_norm(g).to_vector<double>();
}

double largest_gradient_norm(const Network& critic, const Tensor& real, const Tensor& fake, uint64_t seed) {
  const Tensor zero = zeros({}, {DType::int64, real.device()});
  const Tensor eps = uniform({real.shape()[0]}, seed, stream_evaluation_eps, zero, real.dtype());
  double largest = 0;
  for (const Tensor& x : {real, fake, interpolate(real, fake, eps)}) {
    for (const double norm : gradient_norms(critic, x)) largest = std::max(largest, norm);
  }
  return largest;
}

double wasserstein_estimate(const Network& critic, const Tensor& real, const Tensor& fake) {
  const NoGrad no_grad;
  return (mean(critic(real, Mode::evaluate)) - mean(critic(fake, Mode::evaluate))).item();
}

std::vector<double> step_gradients(const Network& critic, const Tensor& real, const Tensor& fake) {
  const Tensor a = real.detach(), b = fake.detach();
  const auto steps = static_cast<size_t>(a.shape()[1]), width = static_cast<size_t>(a.shape()[2]);
  std::vector<double> norms(steps);
  for (const Tensor& g : grad(mean(critic(b)) - mean(critic(a)), {a, b})) {
    if (!g.defined()) continue;
    const std::vector<double> values = g.to_vector<double>();
    for (size_t i = 0; i < values.size(); ++i) norms[i / width % steps] += values[i] * values[i];
  }
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

std::vector<double> activation_gradients(const Network& critic, const Tensor& real, const Tensor& fake, Mode mode) {
  std::vector<Tensor> outputs, more;
  const Tensor loss = mean(critic.trace(fake, outputs, mode)) - mean(critic.trace(real, more, mode));
  const size_t layers = outputs.size();
  outputs.insert(outputs.end(), more.begin(), more.end());
  std::vector<double> norms(layers);
  const std::vector<Tensor> gradients = grad(loss, outputs);
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    for (const double value : gradients[i].to_vector<double>()) norms[i % layers] += value * value;
  }
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

std::vector<std::vector<bool>> firing_units(const Network& critic, const Tensor& x) {
  const NoGrad no_grad;
  std::vector<Tensor> outputs;
  (void)critic.trace(x, outputs, Mode::evaluate);
  const nlohmann::json& layers = critic.description();
  std::vector<std::vector<bool>> firing;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto type = layers[i].value("type", "");
    if (type != "relu" && type != "leaky_relu") continue;
    const auto units = static_cast<size_t>(outputs[i].shape()[-1]);
    const std::vector<float> values = outputs[i].to_vector<float>();
    firing.emplace_back(units);
    for (size_t k = 0; k < values.size(); ++k) {
      if (values[k] > 0) firing.back()[k % units] = true;
    }
  }
  return firing;
}

Network in_float64(const Network& network) {
  return in_float64(network, network.description());
}

Network in_float64(const Network& network, const nlohmann::json& layers) {
  NetworkOptions options;
  options.tensor = {DType::float64, {}};
  Network copy(layers, network.sample_shape(), options);
  for (const auto& [from, to] : {std::pair{&network.parameters(), &std::as_const(copy).parameters()},
                                 std::pair{&network.buffers(), &copy.buffers()}}) {
    for (size_t i = 0; i < from->tensors().size(); ++i) {
      const std::vector<double> values = from->tensors()[i].to_vector<double>();
      to->tensors()[i].assign(std::span<const double>(values));
    }
  }
  return copy;
}

}  // namespace kantor
