// The graph itself: pruning, symbolic zeros, higher orders, versions, and what apply refuses.
#include "engine/autograd.h"

#include "engine/op.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "tests/catch.h"
#include "tests/gradcheck.h"

#include <cmath>

using namespace kantor;
using kantor::testing::random_tensor;

namespace {

const TensorOptions f64{DType::float64, {}};

Tensor vector(std::vector<double> values) {
  const auto size = static_cast<int64_t>(values.size());
  return from_host(values, {size}, f64);
}

int64_t launches_of(const ProfileScope& profile, const std::string& op) {
  for (const OpProfile& row : profile.rows()) {
    if (row.op == op) return row.launches;
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
  const ProfileScope profile;
  penalised_step(weights, random_tensor({4, 2}, random));
  CHECK(launches_of(profile, "linear") == 4);
  CHECK(launches_of(profile, "matmul") == 4 + 8 - 1);
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

TEST_CASE("autograd: a chain of 200,000 ops is differentiated and freed without recursion") {
  const Tensor x = vector({1});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = affine(y, 1, 0);
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
  CHECK_THROWS_WITH(matmul(a, b), Catch::Contains("matmul") && Catch::Contains("[2, 3]") && Catch::Contains("[4, 5]"));
  CHECK_THROWS_AS(add(a, b), ShapeError);
  CHECK_THROWS_AS(add(a, zeros({2, 3}, f64)), DTypeError);
  CHECK_THROWS_WITH(add(a, Tensor()), Catch::Contains("input 1 is undefined"));
  CHECK_THROWS_AS(grad(a, {a}), ShapeError);
  CHECK_THROWS_AS(Shape({-1}), ShapeError);
  CHECK_THROWS_AS(Shape({int64_t{1} << 40, int64_t{1} << 40}), ShapeError);
  CHECK_THROWS_AS(a.item(), ShapeError);
}

TEST_CASE("apply: the NaN check names the op that made the first one") {
  const NanCheckScope scope;
  CHECK_THROWS_WITH(log(vector({-1})), Catch::Contains("log"));
}
