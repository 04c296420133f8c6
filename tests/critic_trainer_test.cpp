// A critic that is trained alone, the data that it is trained between, and the probes of its gradients.
#include "models/training/critic_trainer.h"

#include "engine/ops.h"
#include "engine/rewrites.h"
#include "engine/threads.h"
#include "models/data/derived.h"
#include "models/data/distributions.h"
#include "models/data/open_dataset.h"
#include "models/metrics/histogram.h"
#include "models/nn/architectures.h"
#include "models/training/networks.h"
#include "models/training/presets.h"
#include "models/training/probe.h"
#include "tests/catch.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

using namespace kantor;

namespace {

RunConfig tiny(const std::string& constraint) {
  RunConfig config = preset("swissroll", constraint);
  config.batch = 12;
  config.critic.width = 16;
  return config;
}

std::vector<float> weights_after(const RunConfig& config, int steps, bool capture) {
  const auto real = open_dataset(config.data), fake = with_noise(real, 1);
  CriticTrainer trainer(config, critic_layers(config, {2}), real, fake, {}, capture);
  for (int i = 0; i < steps; ++i) trainer.step();
  return trainer.critic().network().parameters().flat().to_vector<float>();
}

}  // namespace

TEST_CASE("critic trainer: eager and replay, one and two threads give the same bits; seeds differ") {
  const RewriteScope exact("exact");
  const int before = threads();
  for (const char* constraint : {"clip", "penalty"}) {
    RunConfig config = tiny(constraint);
    set_threads(2);
    const auto two = weights_after(config, 6, true);
    CHECK(weights_after(config, 6, false) == two);
    set_threads(1);
    CHECK(weights_after(config, 6, true) == two);
    config.seed += 1;
    CHECK(weights_after(config, 6, true) != two);
  }
  set_threads(before);
}

TEST_CASE("critic trainer: the penalised critic learns to part data from data + noise") {
  RunConfig config = tiny("penalty");
  config.batch = 128;
  config.critic.width = 32;
  const auto real = open_dataset(config.data), fake = with_noise(real, 1);
  CriticTrainer trainer(config, critic_layers(config, {2}), real, fake);
  while (trainer.steps_done() < 300) trainer.step();
  CHECK(trainer.losses().critic_estimate > 0.3);  // W1 is 0.57
  CHECK(trainer.losses().penalty > 0);
}

TEST_CASE("critic trainer: clipped weights stay in the box; divergence and unequal samples are told") {
  RunConfig config = tiny("clip");
  for (const float w : weights_after(config, 5, true)) CHECK(std::abs(w) <= static_cast<float>(config.constraint.clip));
  const auto real = open_dataset(config.data);
  const auto longer = sequences(real, 3);
  CHECK_THROWS_WITH(CriticTrainer(config, critic_layers(config, {2}), real, longer), Contains("one shape"));
  config = tiny("penalty");
  config.critic.optimizer = "sgd";
  config.critic.learning_rate = 1e12;
  CHECK_THROWS_WITH(weights_after(config, 50, true), Contains("step ") && Contains("critic"));
}

TEST_CASE("derived data: noise has its deviation and is not of the same samples; sequences keep the samples") {
  const auto data = gaussians8();
  const auto noisy = with_noise(data, 0.5);
  const int64_t n = 20000;
  const auto plain = data->draw(1, 2, 3, n), other = noisy->draw(1, 2, 3, n);
  CHECK(noisy->draw(1, 2, 3, n) == other);
  const double before = summarize(std::span(plain)).deviation, after = summarize(std::span(other)).deviation;
  CHECK(std::sqrt(after * after - before * before) == Approx(0.5).epsilon(0.03));
  double same = 0;  // correlation of samples with equal index
  for (size_t i = 0; i < plain.size(); ++i) same += plain[i] * other[i];
  CHECK(std::abs(same / static_cast<double>(plain.size())) < 0.05);

  const auto chains = sequences(data, 4);
  CHECK(chains->batch_shape(5) == Shape{5, 4, 2});
  CHECK(chains->draw(1, 2, 3, 5) == data->draw(1, 2, 3, 20));
  CHECK_THROWS_AS(sequences(data, 0), ShapeError);
}

TEST_CASE("probe: gradients of a linear critic are its weights") {
  const Network critic(mlp({.depth = 0}), {2}, {});
  const auto w = critic.parameters().tensors()[0].to_vector<double>();
  const Tensor x = from_host<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  for (const double norm : gradient_norms(critic, x)) CHECK(norm == Approx(std::hypot(w[0], w[1])));
  CHECK(input_gradients(critic, x).shape() == x.shape());

  const Tensor other = from_host<float>({0, 0, 2, 2, 1, -1}, {3, 2});
  CHECK(largest_gradient_norm(critic, x, other, 1) == Approx(std::hypot(w[0], w[1])));
  // Means (3, 4) and (1, 1/3).
  CHECK(wasserstein_estimate(critic, x, other) == Approx(2 * w[0] + 11.0 / 3 * w[1]));
}

TEST_CASE("probe: a recurrent critic's gradient by the steps falls by its recurrent weight each step back") {
  NetworkOptions options;
  options.tensor.dtype = DType::float64;
  Network critic(rnn_critic(1, 1), {3, 1}, options);
  const std::map<std::string, double> weights{{"0.weight_ih", 2}, {"0.weight_hh", 0.25}, {"1.weight", 3}};
  for (size_t i = 0; i < critic.parameters().rows().size(); ++i) {
    const auto found = weights.find(critic.parameters().rows()[i].name);  // biases 0
    const std::vector<double> value{found == weights.end() ? 0 : found->second};
    critic.parameters().tensors()[i].assign(std::span<const double>(value));
  }
  // At inputs as small as these tanh is the identity.
  const Tensor real = from_host<double>({1e-9, -2e-9, 3e-9}, {1, 3, 1}, options.tensor), fake = real * -1.0;
  const std::vector<double> norms = step_gradients(critic, real, fake);
  REQUIRE(norms.size() == 3);
  for (size_t t = 0; t < 3; ++t) CHECK(norms[t] == Approx(std::sqrt(2.0) * 6 * std::pow(0.25, 2 - t)));
}

TEST_CASE("probe: activation gradients agree with finite differences of the loss in a layer's bias") {
  // d loss / d bias sums d loss / d output over the samples; over one real and one generated sample through a linear
  // layer, each output's own gradient is known: -1 and +1 times the last weight row.
  const nlohmann::json layers = mlp({.width = 8, .depth = 2});
  NetworkOptions options;
  options.tensor.dtype = DType::float64;
  const Network critic(layers, {2}, options);
  const Tensor real = from_host<double>({0.3, -0.2}, {1, 2}, options.tensor);
  const Tensor fake = from_host<double>({-1.1, 0.4}, {1, 2}, options.tensor);
  const auto norms = activation_gradients(critic, real, fake);
  REQUIRE(norms.size() == layers.size());
  double squares = 0;
  for (const double w : critic.parameters().tensors()[4].to_vector<double>()) squares += w * w;
  CHECK(norms[2] == Approx(std::sqrt(2 * squares)));
  CHECK(norms[4] == Approx(std::sqrt(2.0)));
}

TEST_CASE("probe: units that fire, and a float64 copy") {
  Network critic(mlp({.width = 4, .depth = 1}), {2}, {});
  critic.parameters().tensors()[0].assign(std::span<const float>(std::vector<float>{1, 0, -1, 0, 0, 1, 0, 0}));
  critic.parameters().tensors()[1].assign(std::span<const float>(std::vector<float>{0, 0, -1, -1}));
  const auto firing = firing_units(critic, from_host<float>({1, 0, 2, 0.5F}, {2, 2}));
  REQUIRE(firing.size() == 1);
  CHECK(firing[0] == std::vector<bool>{true, false, false, false});
  const Network copy = in_float64(critic);
  CHECK(copy.options().dtype == DType::float64);
  CHECK(copy.parameters().flat().to_vector<double>() == critic.parameters().flat().to_vector<double>());
}
