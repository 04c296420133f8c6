#include "models/training/probe.h"

#include "engine/autograd.h"
#include "engine/op.h"
#include "engine/ops.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace kantor {

Tensor input_gradients(const Network& critic, const Tensor& x) {
  const Tensor leaf = x.detach();
  return or_zeros(grad(sum(critic(leaf, Mode::evaluate)), {leaf})[0], leaf);
}

std::vector<double> gradient_norms(const Network& critic, const Tensor& x) {
  const Tensor g = input_gradients(critic, x);
  const RecordingScope off(false);
  return row_norm(g).to_vector<double>();
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
  const RecordingScope off(false);
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
  NetworkOptions options;
  options.tensor = {DType::float64, {}};
  Network copy(network.description(), network.sample_shape(), options);
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
