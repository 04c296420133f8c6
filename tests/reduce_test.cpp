// Sums and norms: accuracy of long float32 sums over any axes, norms from 1e-30 to 1e30, derivatives at zero.
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "tests/catch.h"

#include <cmath>

using namespace kantor;

TEST_CASE("reduce: long float32 sums stay within 1e-6 of the sum of absolutes, over any axes") {
  HostRandom random(2026, 40);
  for (const Shape& shape : {Shape{1, 300000, 1}, Shape{40000, 1, 7}, Shape{3, 5000, 33}, Shape{70, 1, 3001}}) {
    std::vector<float> values(static_cast<size_t>(shape.size()));
    for (float& value : values) value = static_cast<float>(random.normal() + 100);
    const Tensor x = from_host(values, shape);
    for (const std::vector<int>& axes : {std::vector<int>{}, {0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}}) {
      std::array<bool, 3> reduced{axes.empty(), axes.empty(), axes.empty()};
      for (const int axis : axes) reduced[static_cast<size_t>(axis)] = true;
      const Tensor y = sum(x, axes, true);
      std::vector<double> expected(static_cast<size_t>(y.size())), absolute(expected.size());
      for (int64_t i = 0, at = 0; i < shape[0]; ++i) {
        for (int64_t j = 0; j < shape[1]; ++j) {
          for (int64_t k = 0; k < shape[2]; ++k, ++at) {
            const int64_t row = reduced[0] ? 0 : i, column = reduced[1] ? 0 : j, depth = reduced[2] ? 0 : k;
            const auto to = static_cast<size_t>((row * y.shape()[1] + column) * y.shape()[2] + depth);
            expected[to] += static_cast<double>(values[static_cast<size_t>(at)]);
            absolute[to] += std::abs(static_cast<double>(values[static_cast<size_t>(at)]));
          }
        }
      }
      const auto result = y.to_vector<double>();
      double worst = 0;
      for (size_t i = 0; i < result.size(); ++i) {
        worst = std::max(worst, std::abs(result[i] - expected[i]) / absolute[i]);
      }
      INFO(to_string(shape) << ", " << axes.size() << " axes");
      CHECK(worst <= 1e-6);
    }
  }
}

TEST_CASE("reduce: norms are right from 1e-30 to 1e30, and their derivative is the direction") {
  for (const double scale : {1e-30, 1e-20, 1.0, 1e20, 1e30}) {
    INFO("scale " << scale);
    const Tensor x = from_host(std::vector<double>{3 * scale, -4 * scale}, {1, 2});
    const Tensor norm = row_norm(x);
    CHECK(norm.item() == Approx(5 * scale).epsilon(1e-6));
    const auto direction = grad(sum(norm), {x})[0].to_vector<double>();
    CHECK(direction[0] == Approx(0.6).epsilon(1e-6));
    CHECK(direction[1] == Approx(-0.8).epsilon(1e-6));
  }
}

TEST_CASE("reduce: the norm at zero has derivative 0 and a finite second derivative") {
  const Tensor x = zeros({2, 3});
  const Tensor first = grad(sum(row_norm(x)), {x}, {.create_graph = true})[0];
  CHECK(first.to_vector<double>() == std::vector<double>(6, 0.0));
  const Tensor second = grad(sum(first), {x})[0];
  if (second.defined()) {
    for (const double value : second.to_vector<double>()) CHECK(std::isfinite(value));
  }
}

TEST_CASE("reduce: a NaN or an infinity is never lost in a sum") {
  std::vector<float> values(1000, 1.F);
  values[777] = std::nanf("");
  CHECK(std::isnan(sum(from_host(values, {1000})).item()));
  values[777] = -INFINITY;
  CHECK(sum(from_host(values, {10, 100}), {0}).to_vector<double>()[77] == -INFINITY);
}
