// Rewrites of recordings: each one alone, what it must leave alone, whole steps, and random programs.
#include "engine/autograd.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "engine/rewrites.h"
#include "engine/step.h"
#include "models/gan/critic.h"
#include "models/gan/critic_loss.h"
#include "models/gan/trainable_network.h"
#include "models/nn/architectures.h"
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace kantor;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};

Tensor random_tensor(HostRandom& random, const Shape& shape, TensorOptions options = {}) {
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (float& value : values) value = static_cast<float>(random.normal() * 0.5);
  return from_host(values, shape, options);
}

/// What a step leaves after some runs, and how many ops a replay has.
struct Outcome {
  std::vector<float> values;
  int64_t ops = 0;
};

/// Makes a step under some rewrites and runs it five times. `make` gives the step's function and what to look at.
struct Program {
  std::function<void()> step;
  std::vector<Tensor> results;
};
Outcome outcome(const std::function<Program()>& make, const std::string& rewrites, Device device = {}) {
  const RewriteScope scope(rewrites);
  const Program program = make();
  Step step(program.step, device);
  for (int i = 0; i < 5; ++i) step();
  Outcome result{{}, step.launches()};
  for (const Tensor& tensor : program.results) {
    const auto values = tensor.to_vector<float>();
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i], difference = std::abs(x - y) / std::max(1.0, std::abs(x));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/// The program gives the same with the rewrite as without, by `fewer` ops.
void check_rewrite(const std::string& name, int64_t fewer, const std::function<Program()>& make) {
  INFO(name);
  const Outcome before = outcome(make, "none"), after = outcome(make, name);
  CHECK(before.ops - after.ops == fewer);
  CHECK(largest_difference(before.values, after.values) <= 1e-6);
  const auto& table = rewrite_table();
  const auto info = std::find_if(table.begin(), table.end(), [&](const RewriteInfo& row) { return row.name == name; });
  if (info != table.end() && info->exact) CHECK(before.values == after.values);
}

}  // namespace

TEST_CASE("rewrite: what nothing reads is not computed") {
  check_rewrite("dead", 2, [] {
    const Tensor x = ones({4}), y = zeros({4});
    return Program{[=] {
                     (void)exp(exp(x));  // both, the inner one because of the outer one
                     y.copy_from(x * 2);
                   },
                   {y}};
  });
}

TEST_CASE("rewrite: constants are computed once, what depends on the step's tensors is not") {
  check_rewrite("constants", 4, [] {
    const Tensor x = ones({2, 3}), y = zeros({2, 3});
    return Program{[=] {
                     // full, scale_shift, broadcast_to, exp
                     y.copy_from(x * exp(broadcast_to(full({1, 3}, 0.25) * 2, {2, 3})));
                     x.copy_from(y);
                   },
                   {y}};
  });
  check_rewrite("constants", 0, [] {  // what is overwritten is no constant
    const Tensor y = zeros({2});
    return Program{[=] {
                     const Tensor changing = full({2}, 1);
                     blend(changing, y, 1, 1);
                     y.copy_from(changing);
                   },
                   {y}};
  });
}

TEST_CASE("rewrite: results are written where they would be copied to") {
  check_rewrite("in-place", 1, [] {
    const Tensor x = ones({4}), y = zeros({4}), z = zeros({4});
    return Program{[=] {
                     const Tensor result = x * 3;
                     y.copy_from(result);
                     z.copy_from(result);  // stays: the value has one place
                     x.copy_from(y);
                   },
                   {y, z, x}};
  });
  check_rewrite("in-place", 0, [] {  // the target is read, or written, between the making and the copy
    const Tensor x = ones({4}), y = ones({4});
    return Program{[=] {
                     const Tensor result = x * 3;
                     blend(x, y, 1, 1);
                     y.copy_from(result);
                   },
                   {y, x}};
  });
  check_rewrite("in-place", 0, [] {  // the target is overwritten while the source is still needed
    const Tensor x = ones({4}), y = ones({4}), z = zeros({4});
    return Program{[=] {
                     const Tensor result = x * 3;
                     y.copy_from(result);
                     blend(y, x, 0, 5);
                     blend(z, result, 1, 1);
                   },
                   {y, z}};
  });
  check_rewrite("in-place", 1, [] {  // of two results of one op that go to one place, the later copy stays
    const Tensor g = full({1, 1}, 3), y = zeros({1});
    return Program{[=] {
                     const PenaltyResult result = gradient_penalty(g, PenaltyKind::two_sided, 10);
                     y.copy_from(reshape(result.value, {1}));
                     y.copy_from(result.norms);
                   },
                   {y}};
  });
  check_rewrite("in-place", 0, [] {  // the maker reads the target's other elements
    const Tensor x = ones({2, 2});
    return Program{[=] { x.copy_from(matmul(x, x)); }, {x}};
  });
}

TEST_CASE("rewrite: calls that do the same to different rows are one") {
  const auto chain = [](bool update_between) {
    return [=] {
      HostRandom random(3, 0);
      const Tensor w = random_tensor(random, {5, 3}), b = random_tensor(random, {5}), v = random_tensor(random, {2, 5});
      const Tensor x = random_tensor(random, {4, 3}), y = random_tensor(random, {6, 3});
      const Tensor p = zeros({4, 2}), q = zeros({6, 2});
      return Program{[=] {
                       const Activation tanh{Activation::Kind::tanh};
                       p.copy_from(linear(activate(linear(exp(x), w, b), tanh), v, {}));
                       if (update_between) blend(w, w, 0.5, 0.25);
                       q.copy_from(linear(activate(linear(exp(y), w, b), tanh), v, {}));
                     },
                     {p, q}};
    };
  };
  check_rewrite("rows", 3, chain(false));  // two products and the activation between them
  // Of two different weights; what comes behind has one weight again.
  check_rewrite("rows", 2, chain(true));
}

TEST_CASE("rewrite: weight gradients that are added are one product") {
  check_rewrite("rows,sums", 5, [] {
    HostRandom random(4, 0);
    const Tensor w = random_tensor(random, {5, 3});
    const Tensor x = random_tensor(random, {4, 3}), y = random_tensor(random, {6, 3});
    const Arena gradients({{"w", {5, 3}}}, {});
    return Program{[=] {
                     // The two products become one, and of each of two sums and their addition one sum is left.
                     const Tensor loss = sum(linear(exp(x), w, {})) + sum(linear(exp(y), w, {}));
                     gradients.tensors()[0].copy_from(grad(loss, {w})[0]);
                   },
                   {gradients.flat()}};
  });
}

TEST_CASE("rewrite: products take the derivative of the layer before into their epilogue") {
  for (const bool in_place : {false, true}) {
    check_rewrite("epilogues", 1, [=] {
      HostRandom random(5, 0);
      const Tensor a = random_tensor(random, {200, 7}), b = random_tensor(random, {7, 300});
      const Tensor y = random_tensor(random, {200, 300}), z = in_place ? y : zeros({200, 300});
      return Program{[=] { z.copy_from(activation_grad(matmul(a, b), y, {Activation::Kind::tanh})); }, {z}};
    });
  }
  check_rewrite("epilogues", 0, [] {  // the product is needed for something else too
    const Tensor a = ones({4, 4}), y = zeros({4, 4}), z = zeros({4, 4});
    return Program{[=] {
                     const Tensor product = matmul(a, a);
                     y.copy_from(activation_grad(product, a, {Activation::Kind::relu}));
                     z.copy_from(product);
                   },
                   {y, z}};
  });
}

TEST_CASE("rewrite: pointwise ops that follow each other are one pass") {
  const auto program = [](DType dtype) {
    return [=] {
      HostRandom random(6, 0);
      const TensorOptions options{dtype, {}};
      const Tensor x = random_tensor(random, {70, 9}, options), y = random_tensor(random, {70, 9}, options);
      const Tensor s = random_tensor(random, {}, options), z = zeros({70, 9}, options), t = zeros({70, 9}, options);
      return Program{[=] {
                       const Tensor u = exp(x * y) + s;                            // three
                       z.copy_from(square(u) / (abs(y) + 1));                      // four; the copy stays
                       t.copy_from(activate(u - x, {Activation::Kind::sigmoid}));  // two, which read what stays
                     },
                     {z, t}};
    };
  };
  check_rewrite("pointwise", 8, program(DType::float32));
  check_rewrite("pointwise", 8, program(DType::float64));
  check_rewrite("pointwise", 0, [] {  // rows are repeated, or the sizes differ
    const Tensor x = ones({3, 2}), b = ones({2}), y = zeros({3, 2});
    return Program{[=] { y.copy_from(x * exp(b)); }, {y}};
  });
}

TEST_CASE("rewrite: sums over rows are one launch on a device, and stay apart on the CPU") {
  for (const Device device : {Device{}, sim_device}) {
    for (const int64_t rows : {int64_t{5}, int64_t{700}}) {  // of one chunk, of several
      INFO(to_string(device) << ", " << rows << " rows");
      const auto make = [&] {
        HostRandom random(7, 0);
        const TensorOptions options{DType::float32, device};
        const Tensor x = random_tensor(random, {rows, 33}, options),
                     y = random_tensor(random, {2 * rows, 3, 1}, options);
        const Tensor z = random_tensor(random, {9 * rows}, options);
        const Tensor a = zeros({33}, options), b = zeros({1}, options), c = zeros({}, options);
        const Tensor d = zeros({33}, options);
        return Program{[=] {
                         a.copy_from(sum(x, {0}));
                         b.copy_from(sum(y, {0, 1}));
                         c.copy_from(sum(z));
                         d.copy_from(sum(exp(broadcast_to(a, {rows, 33})), {0}));  // depends on the first
                       },
                       {a, b, c, d}};
      };
      const Outcome before = outcome(make, "in-place", device), after = outcome(make, "group-sums,in-place", device);
      CHECK(before.values == after.values);
      const bool grouped = device == sim_device;
      CHECK(before.ops - after.ops == (grouped ? rows > 256 ? 4 : 2 : 0));
    }
  }
}

TEST_CASE("rewrite: names are checked, and a step explains itself") {
  CHECK_THROWS_WITH(set_rewrites("rows,colums"), Contains("'colums'") && Contains("in-place"));
  {
    const RewriteScope scope("rows,dead");
    CHECK(active_rewrites() == std::vector<std::string>{"dead", "rows"});
  }
  CHECK(active_rewrites().size() == rewrite_table().size());
  const Tensor x = ones({2}), y = zeros({2});
  Step step([&] { y.copy_from(exp(x)); });
  CHECK(step.explanation().empty());
  step();
  CHECK_THAT(step.explanation(), Contains("2 ops as written") && Contains("1 ops as replayed") && Contains("exp"));
}

namespace {

/// The step of a critic, or of a generator, of these layers.
Program gan_step(const std::string& kind, bool pictures, Device device) {
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
  const Tensor real = random_tensor(random, pictures ? Shape{batch, 28, 28, 1} : Shape{batch, 2}, options);
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

}  // namespace

namespace {

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

  Program operator()() const {
    HostRandom random(seed_, 0);
    std::vector<Tensor> weights, outside;
    for (int i = 0; i < 2; ++i) weights.push_back(random_tensor(random, {4, 4}));
    for (int i = 0; i < 3; ++i) outside.push_back(random_tensor(random, {3 + i, 4}));
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
    switch (pick(11)) {
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
        const Tensor g = activate(matmul(x, x, true, false) + matmul(y, y, true, false), {Activation::Kind::tanh});
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
