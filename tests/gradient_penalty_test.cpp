// The fused gradient penalty: against known values, against the same function in ordinary ops, and at its extremes.
#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/ops.h"
#include "tests/catch.h"
#include "tests/gradcheck.h"

#include <cmath>

using namespace kantor;
using kantor::testing::random_tensor;

namespace {

constexpr PenaltyKind kinds[] = {PenaltyKind::two_sided, PenaltyKind::one_sided, PenaltyKind::squared};

Tensor rows(const std::vector<double>& values, const Shape& shape, DType dtype = DType::float64) {
  return from_host(values, shape, {dtype, {}});
}

void check_close(const Tensor& found, const Tensor& expected, double tolerance) {
  REQUIRE(found.shape() == expected.shape());
  const auto a = found.to_vector<double>(), b = expected.to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(tolerance).margin(tolerance));
}

}  // namespace

TEST_CASE("gradient_penalty: known values") {
  const Tensor g = rows({3, 4, 0, 0.6, 0.8, 0}, {2, 3});  // norms 5 and 1
  const PenaltyResult two = gradient_penalty(g, PenaltyKind::two_sided, 10);
  CHECK(two.value.item() == Approx(10 * (16 + 0) / 2.0).epsilon(1e-15));
  check_close(two.norms, rows({5, 1}, {2}), 1e-15);
  // 10/2 * 2 (n - 1)/n * g for the first row, nothing for the second.
  check_close(two.derivative, rows({24, 32, 0, 0, 0, 0}, {2, 3}), 1e-14);

  const Tensor small = rows({0.3, 0.4}, {1, 2});  // norm 0.5
  CHECK(gradient_penalty(small, PenaltyKind::two_sided, 10).value.item() == Approx(2.5).epsilon(1e-15));
  CHECK(gradient_penalty(small, PenaltyKind::one_sided, 10).value.item() == 0);
  CHECK(gradient_penalty(small, PenaltyKind::squared, 10).value.item() == Approx(1.25).epsilon(1e-15));
}

TEST_CASE("gradient_penalty: fused value, gradient and second derivative are the reference's") {
  HostRandom random(3, 1);
  for (const PenaltyKind kind : kinds) {
    for (const Shape& shape : {Shape{1, 1}, Shape{5, 3}, Shape{33, 257}, Shape{4, 6, 5, 3}}) {
      // Weights of the derivative, to differentiate it once more.
      const Tensor data = random_tensor(shape, random), w = random_tensor(shape, random);
      for (const DType dtype : {DType::float64, DType::float32}) {
        const double tolerance = dtype == DType::float64 ? 1e-12 : 2e-5;
        const Tensor g = data.to(dtype), weights = w.to(dtype), factor = rows({1.7}, {}, dtype);
        const Tensor fused = gradient_penalty(g, kind, 10).value * factor;
        const Tensor reference = gradient_penalty_reference(g, kind, 10) * factor;
        check_close(fused, reference, tolerance);
        const Tensor fused_grad = grad(fused, {g}, {true, {}})[0], reference_grad = grad(reference, {g}, {true, {}})[0];
        check_close(or_zeros(fused_grad, g), or_zeros(reference_grad, g), tolerance);
        const Tensor fused_second = grad(sum(fused_grad * weights), {g})[0];
        const Tensor reference_second = grad(sum(reference_grad * weights), {g})[0];
        check_close(or_zeros(fused_second, g), or_zeros(reference_second, g), tolerance);
      }
    }
  }
}

TEST_CASE("gradient_penalty: the norms and the derivative are differentiable outputs") {
  HostRandom random(3, 2);
  const Tensor g = random_tensor({4, 9}, random), w = random_tensor({4, 9}, random), v = random_tensor({4}, random);
  for (const PenaltyKind kind : kinds) {
    const PenaltyResult result = gradient_penalty(g, kind, 2);
    const Tensor by_value = grad(gradient_penalty_reference(g, kind, 2), {g}, {true, {}})[0];
    check_close(grad(sum(result.derivative * w), {g})[0], grad(sum(by_value * w), {g})[0], 1e-12);
    check_close(grad(sum(result.norms * v), {g})[0], grad(sum(row_norm(g) * v), {g})[0], 1e-12);
  }
}

TEST_CASE("gradient_penalty: norms from 1e-30 to 1e30 in float32") {
  for (int exponent = -30; exponent <= 30; exponent += 5) {
    INFO("|g| = 1e" << exponent);
    const double scale = std::pow(10.0, exponent);
    const Tensor g = rows({0.6 * scale, -0.8 * scale}, {1, 2}, DType::float32);
    const auto stored = g.to_vector<double>();  // rounded to float32: near norm 1 the difference matters
    const double n = std::hypot(stored[0], stored[1]);
    for (const PenaltyKind kind : kinds) {
      const PenaltyResult result = gradient_penalty(g, kind, 10);
      CHECK(result.norms.item() == Approx(n).epsilon(1e-6));

      const double excess = kind == PenaltyKind::one_sided ? std::max(n - 1, 0.0) : n - 1;
      const double value = kind == PenaltyKind::squared ? 5 * n * n : 10 * excess * excess;
      if (value > 3.4028235e38) {
        CHECK(result.value.item() == INFINITY);
      } else {
        CHECK(result.value.item() == Approx(value).epsilon(1e-5).margin(1e-37));
      }
      const double slope = kind == PenaltyKind::squared ? 10 * n : 20 * excess;  // of the value by n
      const auto u = result.derivative.to_vector<double>();
      CHECK(u[0] == Approx(stored[0] / n * slope).epsilon(1e-5).margin(1e-37));
      CHECK(u[1] == Approx(stored[1] / n * slope).epsilon(1e-5).margin(1e-37));
      const Tensor by_graph = grad(result.value, {g})[0];
      if (std::isfinite(result.value.item())) check_close(by_graph, result.derivative, 0);
    }
  }
}

TEST_CASE("gradient_penalty: a zero gradient has derivative zero at every order") {
  for (const DType dtype : {DType::float32, DType::float64}) {
    const Tensor g = rows({0, 0, 0, 3, 0, 4}, {2, 3}, dtype);
    for (const PenaltyKind kind : kinds) {
      const PenaltyResult result = gradient_penalty(g, kind, 10);
      const auto u = result.derivative.to_vector<double>();
      for (size_t i = 0; i < 3; ++i) CHECK(u[i] == 0);
      CHECK(u[3] != 0);
      CHECK(result.norms.to_vector<double>() == std::vector<double>{0, 5});
      const auto first = or_zeros(grad(result.norms, {g}, {false, ones({2}, {dtype, {}})})[0], g).to_vector<double>();
      for (size_t i = 0; i < 3; ++i) CHECK(first[i] == 0);
      for (const double second : or_zeros(grad(sum(result.derivative), {g})[0], g).to_vector<double>()) {
        CHECK(std::isfinite(second));
      }
    }
  }
  // A single zero sample has the penalty (0 - 1)^2 and the gradient 0.
  CHECK(gradient_penalty(zeros({1, 2}), PenaltyKind::two_sided, 10).value.item() == 10);
}

TEST_CASE("gradient_penalty: NaN is not hidden") {
  const Tensor g = rows({NAN, 0.1, 3, 4}, {2, 2}, DType::float32);
  for (const PenaltyKind kind : kinds) {
    const PenaltyResult result = gradient_penalty(g, kind, 10);
    CHECK(std::isnan(result.value.item()));
    CHECK(std::isnan(result.norms.to_vector<float>()[0]));
    CHECK(std::isnan(result.derivative.to_vector<float>()[0]));
    CHECK(result.norms.to_vector<float>()[1] == 5);
  }
}

TEST_CASE("gradient_penalty: interpolation takes one eps per sample") {
  const Tensor real = rows({1, 2, 3, 4}, {2, 2}), fake = rows({-1, 0, 5, 8}, {2, 2});
  check_close(interpolate(real, fake, rows({1, 0.25}, {2})), rows({1, 2, 4.5, 7}, {2, 2}), 1e-15);
  const Tensor step = full({}, 4, {DType::int64, {}});
  const Draw draw{1, 2, step, 5};
  const auto drawn = interpolate(real, fake, draw).to_vector<double>();
  CHECK(drawn == interpolate(real, fake, uniform({2}, draw, DType::float64)).to_vector<double>());
  CHECK(interpolate(zeros({0, 3}), zeros({0, 3}), zeros({0})).shape() == Shape{0, 3});
  CHECK_THROWS_WITH(interpolate(real, fake, rows({1}, {1})), kantor::Contains("one eps [B] per sample"));
  CHECK_THROWS_AS(gradient_penalty(zeros({3}), PenaltyKind::two_sided, 10), ShapeError);
  CHECK_THROWS_WITH(gradient_penalty(zeros({0, 3}), PenaltyKind::two_sided, 10), kantor::Contains("empty batch"));
}
