// The graph itself: pruning, symbolic zeros, higher orders, versions, and what apply refuses.
#include "engine/autograd.h"

#include "engine/apply.h"
#include "engine/arena.h"
#include "engine/in_place.h"
#include "engine/observers.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "tests/catch.h"
#include "tests/gradcheck.h"

#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace kantor;
using kantor::testing::random_tensor;

namespace {

const TensorOptions f64{DType::float64, {}};

Tensor vector(std::vector<double> values) {
  const auto size = static_cast<int64_t>(values.size());
  return from_host(values, {size}, f64);
}

int64_t calls_of(const Profile& profile, const std::string& op) {
  for (const OpProfile& row : profile.rows()) {
    if (row.op == op) return row.calls;
  }
  return 0;
}

/// A ReLU critic of three hidden layers with its penalty's gradient by every weight, as a training step takes it.
void penalised_step(const std::vector<Tensor>& weights, const Tensor& x) {
  Tensor h = x;
  for (size_t i = 0; i + 1 < weights.size(); ++i) h = linear(h, weights[i], {}, {Activation::Kind::relu});
  const Tensor score = linear(h, weights.back(), {});
  const Tensor g = grad(sum(score), {x}, {true, {}})[0];
  grad(gradient_penalty(g, PenaltyKind::two_sided, 10).value, weights);
}

}  // namespace

TEST_CASE("autograd: every order of derivative of x^4") {
  const Tensor x = vector({1.5});
  Tensor y = square(square(x));
  const double expected[] = {4 * std::pow(1.5, 3), 12 * std::pow(1.5, 2), 24 * 1.5, 24};
  for (const double derivative : expected) {
    y = grad(y, {x}, {true, {}})[0];
    CHECK(y.item() == Approx(derivative).epsilon(1e-14));
  }
}

TEST_CASE("autograd: a missing gradient stays missing") {
  const Tensor x = vector({1, -2, 3}), unused = vector({1});
  const auto first = grad(sum(relu(x)), {x, unused}, {true, {}});
  CHECK(first[0].to_vector<double>() == std::vector<double>{1, 0, 1});
  CHECK_FALSE(first[1].defined());
  CHECK_FALSE(grad(sum(first[0]), {x})[0].defined());
}

TEST_CASE("autograd: a penalised step takes no product with zeros") {
  // Four layers: 4 forwards; 4 products for the input gradient; and in the second backward a tangent through each layer
  // but the input's own (4) and a weight gradient per layer (4). Sending ReLU's zero second derivative on would add
  // more.
  HostRandom random(1, 0);
  const std::vector<Tensor> weights{random_tensor({8, 2}, random), random_tensor({8, 8}, random),
                                    random_tensor({8, 8}, random), random_tensor({1, 8}, random)};
  const Profile profile;
  penalised_step(weights, random_tensor({4, 2}, random));
  CHECK(calls_of(profile, "linear") == 4);
  CHECK(calls_of(profile, "matmul") == 4 + 8 - 1);
}

TEST_CASE("autograd: one tensor used twice gets both contributions, and paths cross x") {
  const Tensor x = vector({2});
  const Tensor y = mul(x, x);
  const auto g = grad(add(y, mul(y, x)), {x, y});
  CHECK(g[0].item() == Approx(2 * 2 + 3 * 4));
  CHECK(g[1].item() == Approx(1 + 2));
}

TEST_CASE("autograd: the derivative of a fused op's reference is partial, not total") {
  const Tensor x = vector({0.5, -1, 2});
  const Tensor rows = reshape(x, {1, 3});
  const Tensor gamma = mul(x, x);  // an input that is itself a function of x
  const auto whole = grad(sum(layer_norm(rows, gamma, x) * rows), {x})[0].to_vector<double>();
  const kantor::testing::Case c{[](const std::vector<Tensor>& in) {
                                  const Tensor r = reshape(in[0], {1, 3});
                                  return layer_norm(r, mul(in[0], in[0]), in[0]) * r;
                                },
                                {x},
                                {true}};
  HostRandom random(3, 0);
  CHECK(kantor::testing::gradcheck(c, random) == "");
  CHECK(whole.size() == 3);
}

TEST_CASE("autograd: a value overwritten between use and derivative is refused") {
  const Tensor x = vector({1, 2});
  const Tensor y = sum(mul(x, x));
  x.copy_from(vector({5, 6}));
  CHECK_THROWS_AS(grad(y, {x}), VersionError);
}

TEST_CASE("autograd: an output overwritten since its op made it is refused, whatever the op's derivative is") {
  const Tensor x = vector({0.1, 0.2}), w = vector({5, 6});
  using Function = Tensor (*)(const Tensor&);
  const std::map<std::string, Function> functions{
      {"tanh", [](const Tensor& t) { return tanh(t); }},                      // its derivative uses the output
      {"scale_shift", [](const Tensor& t) { return scale_shift(t, 2, 1); }},  // its derivative uses neither
      {"square", [](const Tensor& t) { return square(t); }},                  // its derivative uses the input
      {"reshape",
       [](const Tensor& t) {
         return reshape(t * 1, {1, 2});
       }},  // a view of an output
      {"group_sort", [](const Tensor& t) { return group_sort(t, 2); }},
      {"softplus",
       [](const Tensor& t) {
         return linear(reshape(t, {1, 2}), ones({2, 2}, f64), {}, {Activation::Kind::softplus});
       }},
  };
  for (const auto& [name, function] : functions) {
    INFO(name);
    const Tensor y = function(x);
    y.copy_from(reshape(w, y.shape()));
    CHECK_THROWS_WITH(grad(sum(y), {x}), Contains("was overwritten since"));
    const Tensor through = function(x);
    through.narrow(1, {1}).copy_from(vector({9}));  // a part of it, by a leaf that shares the memory
    CHECK_THROWS_AS(grad(sum(through), {x}), VersionError);
    const Tensor host = function(x);
    host.assign(std::span<const double>(std::vector<double>{7, 8}));
    CHECK_THROWS_AS(grad(sum(host), {x}), VersionError);
  }
}

TEST_CASE("autograd: writing beside the graph is no false alarm") {
  const Tensor x = vector({0.5, -1, 2, 3});
  const Tensor losses = zeros({3}, f64), running = zeros({2}, f64);
  const Tensor rows = reshape(x, {2, 2});
  const BatchNormResult normed = batch_norm(rows, ones({2}, f64), zeros({2}, f64));
  blend(running, normed.mean, 0.9, 0.1);  // like a network's running statistics
  const Tensor y = tanh(normed.y), loss = sum(y * rows);
  losses.narrow(0, {}).copy_from(loss);  // parts of one buffer, like a trainer's losses
  losses.narrow(1, {}).copy_from(sum(y));
  const Tensor copy = empty(y.shape(), f64);
  copy.copy_from(y);
  copy.copy_from(rows);
  const auto first = grad(loss, {x}, {true, {}})[0];
  losses.narrow(2, {}).copy_from(sum(first));
  running.copy_from(zeros({2}, f64));
  CHECK_NOTHROW(grad(sum(square(first)), {x}));
  y.copy_from(rows);  // after its last use
  CHECK_NOTHROW(grad(sum(square(rows)), {x}));
  // What is computed later from an overwritten output can be differentiated by that output.
  CHECK(grad(sum(square(y)), {y})[0].to_vector<double>() == std::vector<double>{1, -2, 4, 6});
}

TEST_CASE("autograd: a write that fails half-way counts as a write") {
  class Throws final : public OpOf<Throws> {
   public:
    [[nodiscard]] const char* name() const override { return "throws"; }
    [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
      return {inputs[0]};
    }
    void cpu(Inputs, Outputs outputs) const override {
      *outputs[0].as<double>() = 0;
      throw Error("planted");
    }
  };
  const Tensor x = vector({1, 2});
  const Tensor y = sum(square(x));
  CHECK_THROWS_WITH(apply_in_place(std::make_shared<const Throws>(), {x}, {x}), Contains("planted"));
  CHECK_THROWS_AS(grad(y, {x}), VersionError);
}

TEST_CASE("autograd: a seed of another shape, type or device is refused") {
  const Tensor x = vector({1, 2});
  const Tensor y = square(x);
  const auto with = [&](const Tensor& seed) { return grad(y, {x}, {false, seed}); };
  CHECK_THROWS_WITH(with(ones({3}, f64)), Contains("seed") && Contains("[3]"));
  CHECK_THROWS_AS(with(ones({2})), DTypeError);
  CHECK_THROWS_WITH(with(ones({2})), Contains("seed is float32 [2] on cpu"));
  CHECK_THROWS_AS(with(ones({2}, {DType::float64, {Device::Kind::sim, 0}})), DeviceError);
  CHECK(with(vector({1, 10}))[0].to_vector<double>() == std::vector<double>{2, 40});
}

TEST_CASE("autograd: a leaky ReLU of negative slope has its derivative, alone and where a layer fuses it") {
  const Tensor x = vector({-2, 0, 3});
  const Tensor y = leaky_relu(x, -0.5);
  CHECK(y.to_vector<double>() == std::vector<double>{1, 0, 3});
  CHECK(grad(sum(y), {x})[0].to_vector<double>() == std::vector<double>{-0.5, -0.5, 1});  // at 0 as PyTorch has it
  const Activation falling{Activation::Kind::leaky_relu, -0.5};
  const Tensor column = reshape(x, {3, 1});
  const Tensor fused = linear(column, ones({1, 1}, f64), zeros({1}, f64), falling);
  CHECK(grad(sum(fused), {x})[0].to_vector<double>() == std::vector<double>{-0.5, -0.5, 1});
  CHECK_THROWS_WITH(activation_grad(x, x, falling), Contains("slope -0.5"));
}

TEST_CASE("autograd: a leaky ReLU's slope must be finite in float32, wherever it is fused") {
  const Tensor x = zeros({1, 1, 1, 1}), row = zeros({1, 1}), bias = zeros({1});
  for (const double slope : std::vector<double>{NAN, INFINITY, -INFINITY, 1e39}) {
    const Activation f{Activation::Kind::leaky_relu, slope};
    CHECK_THROWS_WITH(leaky_relu(x, slope), Contains("leaky_relu") && Contains("finite"));
    CHECK_THROWS_AS(bias_activate(x, bias, f), Error);
    CHECK_THROWS_AS(linear(row, row, bias, f), Error);
    CHECK_THROWS_AS(conv2d(x, x, {}, bias, f), Error);
    CHECK_THROWS_AS(conv2d_input_grad(x, x, {}, 1, 1, bias, f), Error);
    CHECK_THROWS_AS(activation_grad(x, x, f), Error);
  }
}

TEST_CASE("autograd: a graph whose nodes share their inputs is freed whole") {
  const Tensor x = vector({1, 2});
  const MemoryStats before = memory_stats();
  {
    std::vector<Tensor> layer{x, x * 2, x * 3};
    for (int depth = 0; depth < 50; ++depth) {  // every node of a layer is an input of all of the next
      std::vector<Tensor> next;
      for (int i = 0; i < 3; ++i) next.push_back(concat({layer[0], layer[1], layer[2]}));
      for (Tensor& t : next) t = slice(t, 0, 0, 2);
      layer = std::move(next);
    }
    CHECK(grad(sum(layer[0]), {x})[0].defined());
  }
  CHECK(memory_stats().live_buffers == before.live_buffers);
}

TEST_CASE("autograd: a chain of 200,000 ops is differentiated and freed without recursion") {
  const Tensor x = vector({1});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = scale_shift(y, 1, 0);
  CHECK(grad(y, {x})[0].item() == 1);
}

TEST_CASE("autograd: live buffers return to what they were") {
  HostRandom random(1, 0);
  const std::vector<Tensor> weights{random_tensor({8, 2}, random), random_tensor({8, 8}, random),
                                    random_tensor({1, 8}, random)};
  const Tensor x = random_tensor({4, 2}, random);
  penalised_step(weights, x);
  const MemoryStats before = memory_stats();
  for (int i = 0; i < 10000; ++i) penalised_step(weights, x);
  CHECK(memory_stats().live_buffers == before.live_buffers);
  CHECK(memory_stats().live_bytes == before.live_bytes);
  CHECK(memory_stats().cached_bytes <= before.cached_bytes + (1 << 20));
}

TEST_CASE("apply: errors name the op, what it got and what would be right") {
  const Tensor a = zeros({2, 3}), b = zeros({4, 5});
  CHECK_THROWS_WITH(matmul(a, b),
                    kantor::Contains("matmul") && kantor::Contains("[2, 3]") && kantor::Contains("[4, 5]"));
  CHECK_THROWS_AS(add(a, b), ShapeError);
  CHECK_THROWS_AS(add(a, zeros({2, 3}, f64)), DTypeError);
  CHECK_THROWS_WITH(add(a, Tensor()), kantor::Contains("input 1 is undefined"));
  CHECK_THROWS_AS(grad(a, {a}), ShapeError);
  CHECK_THROWS_AS(Shape({-1}), ShapeError);
  CHECK_THROWS_AS(Shape({int64_t{1} << 40, int64_t{1} << 40}), ShapeError);
  CHECK_THROWS_AS(a.item(), ShapeError);
}

TEST_CASE("apply: the NaN check names the op that made the first one") {
  const NanCheck scope;
  CHECK_THROWS_WITH(log(vector({-1})), kantor::Contains("log"));
}
