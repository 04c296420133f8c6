// Whole steps and random programs under rewrites: they give what they give as written.
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "models/gan/critic.h"
#include "models/gan/critic_loss.h"
#include "models/gan/trainable_network.h"
#include "models/nn/architectures.h"
#include "tests/catch.h"
#include "tests/recorded_step.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};

/// The step of a critic, or of a generator, of these layers.
RecordedStep gan_step(const std::string& kind, bool pictures, Device device) {
  const bool generator_step = kind == "generator";
  const TensorOptions options{DType::float32, device};
  constexpr int64_t batch = 8;
  nlohmann::json critic_layers, generator_layers;
  Shape sample{2};
  int64_t z = 2;
  if (pictures) {
    const DcganSpec spec{.dim = 4};
    critic_layers = dcgan_critic(spec);
    generator_layers = dcgan_generator(spec);
    sample = {1, 28, 28};
    z = spec.z;
  } else {
    MlpSpec spec;
    spec.width = 16;
    critic_layers = mlp(spec);
    spec.out = 2;
    generator_layers = mlp(spec);
  }
  CriticOptions critic_options;
  critic_options.constraint.kind = generator_step ? "none" : kind;
  if (kind == "clip") critic_options.optimizer.rule = "rmsprop";
  critic_options.network.tensor = options;
  NetworkOptions network_options;
  network_options.tensor = options;
  const auto critic = std::make_shared<Critic>(critic_layers, sample, critic_options);
  const auto generator = std::make_shared<TrainableNetwork>(
      "generator", Network(generator_layers, {z}, network_options), OptimizerConfig{});
  HostRandom random(11, 0);
  const Tensor real = normal_tensor(random, pictures ? Shape{batch, 28, 28, 1} : Shape{batch, 2}, options);
  const Tensor counter = zeros({}, {DType::int64, device}), loss = zeros({}, options), estimate = zeros({}, options);
  const auto step = [=] {
    increment(counter);
    const Tensor noise = normal({batch, z}, 1, 1, counter);
    if (generator_step) {
      const Tensor value = generator_loss(critic->network(), generator->network()(noise));
      generator->descend(value);
      loss.copy_from(value);
      return;
    }
    const Tensor fake = [&] {
      const NoGrad no_grad;
      return generator->network()(noise);
    }();
    const CriticLoss value = critic->update({.real = real, .fake = fake, .eps_draw = {1, 2, counter}});
    loss.copy_from(value.loss);
    estimate.copy_from(value.wasserstein);
  };
  return {step, {critic->network().parameters().flat(), generator->network().parameters().flat(), loss, estimate}};
}

void check_whole_steps(Device device, double exact_tolerance) {
  for (const bool pictures : {false, true}) {
    for (const std::string kind : {"clip", "penalty", "r1+r2", "generator"}) {
      INFO(to_string(device) << ", " << (pictures ? "dcgan" : "mlp") << ", " << kind);
      const auto make = [&] { return gan_step(kind, pictures, device); };
      const Outcome plain = outcome(make, "none", device), exact = outcome(make, "exact", device);
      const Outcome all = outcome(make, "all", device);
      CHECK(largest_difference(plain.values, exact.values) <= exact_tolerance);
      // Adam turns gradients of about zero into steps of any sign, so a few weights differ by more than rounding.
      CHECK(largest_difference(plain.values, all.values) <= 2e-4);
      CHECK(exact.ops < plain.ops);
      CHECK(all.ops <= exact.ops);
      if (device != sim_device) continue;  // there an op is a launch or more, by kernels of our own alone
      if (kind == "clip") CHECK(all.ops <= 30);
      if (kind == "penalty") CHECK(all.ops <= 45);
    }
  }
}

}  // namespace

TEST_CASE("rewrite: whole steps keep their bits under exact rewrites, and their values under all") {
  check_whole_steps({}, 0);
  check_whole_steps(sim_device, 0);
}

TEST_CASE("cuda: whole steps keep their values under rewrites") {
  const Device gpu{Device::Kind::cuda, 0};
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  check_whole_steps(gpu, 2e-6);
}

namespace {

/// A random step: rows through layers that share weights, sums, copies out, and weights that change on the way.
class RandomProgram {
 public:
  explicit RandomProgram(uint64_t seed) : seed_(seed) {}

  RecordedStep operator()() const {
    HostRandom random(seed_, 0);
    std::vector<Tensor> weights, outside;
    for (int i = 0; i < 2; ++i) weights.push_back(normal_tensor(random, {4, 4}));
    for (int i = 0; i < 3; ++i) outside.push_back(normal_tensor(random, {3 + i, 4}));
    std::vector<Tensor> results = outside;
    results.insert(results.end(), weights.begin(), weights.end());
    const uint64_t seed = seed_;
    return {[=] {
              HostRandom choices(seed, 1);
              std::vector<Tensor> values = outside;
              const auto pick = [&](size_t count) {
                return static_cast<size_t>(choices.below(static_cast<int64_t>(count)));
              };
              for (int i = 0; i < 24; ++i) values.push_back(once(pick, values, weights, outside));
            },
            results};
  }

 private:
  static Tensor once(const auto& pick, const std::vector<Tensor>& values, const std::vector<Tensor>& weights,
                     const std::vector<Tensor>& outside) {
    const Tensor &x = values[pick(values.size())], &y = values[pick(values.size())];
    const Tensor& w = weights[pick(weights.size())];
    switch (pick(13)) {
      case 0:
      case 1:
      case 2:
        return linear(x, w, {}, {Activation::Kind::tanh});
      case 3:
        return activation_grad(x, x, {Activation::Kind::tanh});
      case 4:
        return activate(matmul(x, w), {Activation::Kind::sigmoid});
      case 5: {
        const Tensor whole = concat({x, y});
        return slice(whole, 0, 1, std::min<int64_t>(whole.shape()[0], 6));
      }
      case 6: {  // two sums over rows, added into a weight
        Tensor g = activate(matmul(x, x, true, false) + matmul(y, y, true, false), {Activation::Kind::tanh});
        blend(w, g, 0.9, 0.1);
        return g;
      }
      case 7:
        for (const Tensor& target : outside) {
          if (target.shape() == x.shape()) target.copy_from(x * 0.5);
        }
        return x * 0.5;
      case 8:
        blend(w, w, 0.4, 0.5);
        return x;
      case 9:
        return full({4, 4}, 0.3) * 2;
      case 10: {  // an op of several results, two of which are copied to places that may overlap
        const PenaltyResult penalty = gradient_penalty(x, PenaltyKind::squared, 0.5);
        const Tensor parts[]{reshape(penalty.value, {1}), penalty.norms, penalty.derivative};
        const Tensor& target = outside[pick(outside.size())];
        for (int i = 0; i < 2; ++i) {
          const Tensor& part = parts[pick(3)];
          if (part.size() < target.size()) target.narrow(static_cast<int64_t>(pick(2)), part.shape()).copy_from(part);
        }
        return penalty.derivative;
      }
      case 11: {  // rows that are summed leave their place to a copy of what is made from them in the same pass
        Tensor u = activate(x, {Activation::Kind::sigmoid});
        const Tensor first = activate(y, {Activation::Kind::tanh});
        const auto add_sums = [&](const Tensor& v) {
          blend(w, matmul(u, u, true, false) + matmul(v, v, true, false), 0.9, 0.01);
        };
        add_sums(first);
        add_sums(activate(first, {Activation::Kind::sigmoid}) * full({}, 1));
        return u;
      }
      default: {
        const Tensor total = sum(x, {0}) + sum(y, {0});
        return activate(reshape(total, {1, 4}), {Activation::Kind::tanh});
      }
    }
  }

  uint64_t seed_;
};

}  // namespace

TEST_CASE("rewrite: random programs give what they give as written") {
  int64_t as_written = 0, exact_ops = 0, all_ops = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    const RandomProgram program(seed);
    const Outcome plain = outcome(program, "none"), exact = outcome(program, "exact"), all = outcome(program, "all");
    REQUIRE(plain.values == exact.values);
    REQUIRE(largest_difference(plain.values, all.values) <= 1e-5);
    as_written += plain.ops;
    exact_ops += exact.ops;
    all_ops += all.ops;
  }
  CHECK(exact_ops < as_written);
  CHECK(all_ops < exact_ops);  // so that some rows and sums were joined
}
