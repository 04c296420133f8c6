// Capture and replay: the same bits as eager execution, no allocation, and what a capture refuses.
#include "engine/step.h"

#include "engine/autograd.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "engine/rewrites.h"
#include "tests/catch.h"

#include <cmath>
#include <limits>

using namespace kantor;

namespace {

/// A small penalised critic with all that changes between steps: data, random numbers, step number.
struct Training {
  Arena parameters{{{"0.weight", {16, 2}}, {"0.bias", {16}}, {"2.weight", {1, 16}}, {"2.bias", {1}}}, {}};
  Arena gradients = parameters.like();
  Tensor counter = zeros({}, {DType::int64, {}});
  static constexpr double unbounded = std::numeric_limits<double>::infinity();
  Tensor data = zeros({8, 2});
  Tensor loss = zeros({});
  Optimizer optimizer;
  Step step;

  explicit Training(bool capture)
      : optimizer(prepared(), parameters, {0.25, unbounded, unbounded, unbounded}),
        step([this] { once(); }, {}, capture) {}

  OptimizerConfig prepared() {
    HostRandom random(7, 0);
    for (const Tensor& tensor : parameters.tensors()) {
      std::vector<float> values(static_cast<size_t>(tensor.size()));
      for (float& value : values) value = static_cast<float>(random.normal() * 0.3);
      tensor.assign(std::span<const float>(values));
    }
    OptimizerConfig config;
    config.learning_rate = 0.01;
    return config;
  }

  void once() {
    increment(counter);
    const auto& w = parameters.tensors();
    const Tensor fake = normal({8, 2}, 5, 1, counter);
    const Tensor x = interpolate(data, fake, uniform({8}, 5, 2, counter));
    const Tensor score = linear(linear(x, w[0], w[1], {Activation::Kind::tanh}), w[2], w[3]);
    const Tensor g = grad(sum(score), {x}, {true, {}})[0];
    const Tensor total = mean(score) + gradient_penalty(g, PenaltyKind::two_sided, 10).value;
    store_gradients(grad(total, w), gradients);
    optimizer.update(gradients);
    loss.copy_from(total);
  }

  std::vector<float> run(int steps) {
    std::vector<float> losses;
    for (int i = 0; i < steps; ++i) {
      data.copy_from(full({8, 2}, 0.1 * i));
      step();
      losses.push_back(static_cast<float>(loss.item()));
    }
    return losses;
  }
};

}  // namespace

TEST_CASE("step: replay gives the bits of eager execution where the rewrites are exact") {
  const RewriteScope exact("exact");
  Training eager(false), captured(true);
  CHECK(eager.run(20) == captured.run(20));
  CHECK(eager.parameters.flat().to_vector<float>() == captured.parameters.flat().to_vector<float>());
  CHECK(captured.step.captured());
  CHECK_FALSE(eager.step.captured());
  CHECK(captured.step.launches() > 10);
  CHECK(captured.counter.item() == 20);
}

TEST_CASE("step: replay allocates nothing") {
  Training training(true);
  training.run(4);
  const MemoryStats before = memory_stats();
  reset_peak_memory();
  for (int i = 0; i < 10; ++i) training.step();
  CHECK(memory_stats().peak_bytes == before.live_bytes);
  CHECK(memory_stats().cached_bytes == before.cached_bytes);
}

TEST_CASE("step: the optimizer's statistics are those of the weights") {
  Training training(true);
  training.run(5);
  CHECK(training.optimizer.statistics()[0].histogram == decltype(WeightStatistics::histogram){});
  training.optimizer.take_histograms(true);  // of a replay
  training.run(1);
  const auto statistics = training.optimizer.statistics();
  const auto weights = training.parameters.tensors()[0].to_vector<float>();
  int64_t saturated = 0, binned = 0;
  double squares = 0;
  for (const float w : weights) {
    saturated += std::abs(w) == 0.25f;
    squares += static_cast<double>(w) * w;
    CHECK(std::abs(w) <= 0.25f);
  }
  for (const int64_t n : statistics[0].histogram) binned += n;
  CHECK(saturated > 0);
  CHECK(statistics[0].saturated == saturated);
  CHECK(statistics[0].sum_squares == Approx(squares).epsilon(1e-12));
  CHECK(binned == 32);
  CHECK(statistics[1].saturated == 0);
}

TEST_CASE("step: NaN into the clip comes out NaN and is counted") {
  Arena parameters({{"w", {3}}}, {});
  const std::vector<float> values{std::nanf(""), 2, -2};
  parameters.tensors()[0].assign(std::span<const float>(values));
  Optimizer optimizer({}, parameters, {0.5});
  optimizer.clip();
  const auto clipped = parameters.tensors()[0].to_vector<float>();
  CHECK(std::isnan(clipped[0]));
  CHECK(clipped[1] == 0.5f);
  CHECK(clipped[2] == -0.5f);
  CHECK(optimizer.statistics()[0].non_finite == 1);
  CHECK(optimizer.statistics()[0].saturated == 2);
}

TEST_CASE("step: reading or writing on the host while capturing is refused, and the next call tries again") {
  const Tensor x = ones({2});
  bool read = true;
  Step step([&] {
    const Tensor y = sum(x);
    if (read && capturing()) (void)y.item();
  });
  CHECK_THROWS_WITH(step(), kantor::Contains("while a step is being captured"));
  CHECK_FALSE(capturing());
  read = false;
  for (int i = 0; i < 3; ++i) step();
  CHECK(step.captured());
}

TEST_CASE("step: AdamW shrinks the weights beside Adam's update, as PyTorch does") {
  // PyTorch 2's AdamW written out (torch.optim.AdamW, single tensor), in double.
  const double rate = 0.05, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0.3;
  double w = 1.5, m = 0, v = 0;
  const Arena parameters({{"w", {1}}}, {DType::float64, {}});
  parameters.tensors()[0].assign(std::vector<double>{w});
  const Arena gradients = parameters.like();
  Optimizer optimizer({.rule = "adamw",
                       .learning_rate = rate,
                       .beta1 = beta1,
                       .beta2 = beta2,
                       .epsilon = epsilon,
                       .weight_decay = decay},
                      parameters);
  for (int t = 1; t <= 20; ++t) {
    const double g = std::sin(3.0 * t) + 0.2 * w;
    gradients.tensors()[0].assign(std::vector<double>{g});
    optimizer.update(gradients);
    w *= 1 - rate * decay;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double root = std::sqrt(v) / std::sqrt(1 - std::pow(beta2, t)) + epsilon;
    w -= rate / (1 - std::pow(beta1, t)) * m / root;
    CHECK(parameters.tensors()[0].item() == Approx(w).epsilon(1e-12));
  }
  CHECK(optimizer.state()[0].first == "adamw.m");
}

TEST_CASE("step: optimizers refuse what does not fit, and say what would") {
  const Arena parameters({{"w", {3}}, {"b", {1}}}, {});
  CHECK_THROWS_WITH(Optimizer({.rule = "adm"}, parameters), Contains("'adm'") && Contains("adamw"));
  CHECK_THROWS_WITH(Optimizer({}, parameters, {0.1}), Contains("2 tensors with 1 bounds"));
}
