// The loss landscape and its curvature, and the Fréchet distance: against cases computed by hand.
#include "models/metrics/landscape.h"

#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/metrics/frechet.h"
#include "models/nn/architectures.h"
#include "tests/catch.h"
#include "tests/watched_runtime.h"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

using namespace kantor;

namespace {

constexpr TensorOptions wide{DType::float64, {}};

Tensor column(const std::vector<double>& values) {
  return from_host(values, {static_cast<int64_t>(values.size())}, wide);
}

std::vector<float> gaussian(uint64_t seed, int64_t count, const std::vector<double>& mean,
                            const std::vector<double>& deviation) {
  HostRandom random(seed, 0);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    for (size_t d = 0; d < mean.size(); ++d) {
      values.push_back(static_cast<float>(mean[d] + deviation[d] * random.normal()));
    }
  }
  return values;
}

}  // namespace

TEST_CASE("metrics: the largest curvature of a quadratic is its largest eigenvalue by magnitude, with its sign") {
  const Tensor w = column({1, -2, 0.5}), u = column({3});
  // w^T diag(1, 2, -5) w / 2 + u^2 / 4, and a coupling that turns the eigenvectors of the first two.
  const auto loss = [&](double last) {
    return [&, last] {
      const Tensor own = sum(square(w) * column({1, 2, last})) * 0.5;
      const Tensor coupling = sum(slice(w, 0, 0, 1) * slice(w, 0, 1, 2));
      return own + coupling + sum(square(u)) * 0.25;
    };
  };
  const Curvature negative = largest_curvature(loss(-5), {w, u}, 1e-8, 400);
  CHECK(negative.eigenvalue == Approx(-5).epsilon(1e-6));
  CHECK(negative.residual < 1e-6);
  // Of [[1, 1], [1, 2]]: (3 + sqrt 5) / 2.
  CHECK(largest_curvature(loss(0.1), {w, u}, 1e-8, 400).eigenvalue == Approx((3 + std::sqrt(5.0)) / 2).epsilon(1e-6));
}

TEST_CASE(
    "metrics: both ends of a spectrum are found, also where they have one size, and what is short of it is told") {
  std::vector<double> diagonal{3, -3};
  for (int i = 0; i < 30; ++i) diagonal.push_back(0.05 * i);
  const Tensor w = column(std::vector<double>(diagonal.size(), 1));
  const auto loss = [&] { return sum(square(w) * column(diagonal)) * 0.5; };
  const Curvature both = largest_curvature(loss, {w}, 1e-6);
  CHECK(std::abs(both.eigenvalue) == Approx(3).epsilon(1e-6));
  CHECK(both.lowest == Approx(-3).epsilon(1e-6));
  CHECK(both.highest == Approx(3).epsilon(1e-6));
  CHECK(both.residual <= 3e-6);
  CHECK(both.iterations < static_cast<int>(diagonal.size()));
  const Curvature cut = largest_curvature(loss, {w}, 1e-6, 3);
  CHECK(cut.iterations == 3);
  CHECK(cut.residual > 3e-6);
  CHECK(cut.highest < 3);
}

TEST_CASE("metrics: a linear loss has no curvature") {
  const Tensor w = column({1, 2});
  const Curvature flat = largest_curvature([&] { return sum(w * column({3, 4})); }, {w});
  CHECK(flat.eigenvalue == 0);
}

TEST_CASE("metrics: the curvature of a penalised critic agrees with differences of its gradient") {
  MlpSpec spec;
  spec.width = 6;
  spec.activation = "tanh";
  NetworkOptions options;
  options.tensor = wide;
  Network critic(mlp(spec), {2}, options);
  const Tensor x = from_host(std::vector<double>{0.3, -0.2, 1, 0.4, -0.7, 0.1}, {3, 2}, wide);
  const auto loss = [&] {
    const Tensor leaf = x.detach();
    const Tensor g = grad(sum(critic(leaf)), {leaf}, {.create_graph = true, .seed = {}})[0];
    return mean(critic(leaf)) + gradient_penalty(g, PenaltyKind::two_sided, 10).value;
  };
  const auto& parameters = critic.parameters().tensors();
  const Curvature found = largest_curvature(loss, parameters, 1e-6, 2000);
  CHECK(found.residual <= 1e-6 * std::abs(found.eigenvalue) * 1.01);
  // The loss along the eigenvector is not available; the quotient of any direction is at most the eigenvalue found.
  const auto direction = filter_normalized_direction(critic, 3, 0);
  double squares = 0;
  for (const Tensor& d : direction) squares += sum(square(d)).item();
  const double h = 1e-3;
  const auto along = loss_on_plane(critic, direction, {}, {-h, 0, h}, [&] { return loss().item(); });
  const double second = (along[0] - 2 * along[1] + along[2]) / (h * h) / squares;
  CHECK(std::abs(second) <= std::abs(found.eigenvalue) * (1 + 1e-4));
}

TEST_CASE("metrics: directions have the filters' norms, spare biases, and the weights come back") {
  MlpSpec spec;
  spec.width = 5;
  Network critic(mlp(spec), {2}, {});
  const auto before = critic.parameters().flat().to_vector<float>();
  const auto first = filter_normalized_direction(critic, 1, 0), second = filter_normalized_direction(critic, 1, 1);
  for (size_t i = 0; i < first.size(); ++i) {
    if (critic.roles()[i].bias) {
      for (const double value : first[i].to_vector<double>()) CHECK(value == 0);
      continue;
    }
    const auto norms = row_norm(first[i]).to_vector<double>();
    const auto own = row_norm(critic.parameters().tensors()[i]).to_vector<double>();
    for (size_t f = 0; f < norms.size(); ++f) CHECK(norms[f] == Approx(own[f]).epsilon(1e-5));
  }
  const Tensor w = critic.parameters().tensors()[0];
  const double start = sum(w).item(), slope = sum(first[0]).item(), other = sum(second[0]).item();
  const auto plane = loss_on_plane(critic, first, second, {-1, 0, 2}, [&] { return sum(w).item(); });
  REQUIRE(plane.size() == 9);
  CHECK(plane[4] == Approx(start));
  CHECK(plane[2] == Approx(start + 2 * slope - other).epsilon(1e-5));
  CHECK(plane[7] == Approx(start + 2 * other).epsilon(1e-5));
  CHECK(critic.parameters().flat().to_vector<float>() == before);
  CHECK_THROWS_AS(loss_on_plane(critic, first, second, {0}, []() -> double { throw Error("stop"); }), Error);
  CHECK(critic.parameters().flat().to_vector<float>() == before);
  CHECK_THROWS_AS(loss_on_plane(critic, {}, {}, {0}, [] { return 0.0; }), ShapeError);
}

TEST_CASE("metrics: weights that cannot be put back after an error leave the error as it was") {
  kantor::testing::WatchedRuntime runtime;
  NetworkOptions options;
  options.tensor.device = {Device::Kind::sim, 0};
  Network critic(mlp({}), {2}, options);
  const auto direction = filter_normalized_direction(critic, 1, 0);
  const auto plane = [&](const std::function<double()>& loss) {
    return loss_on_plane(critic, direction, {}, {1}, loss);
  };
  CHECK_THROWS_WITH(plane([&]() -> double {
                      runtime.copies_fail = true;
                      throw Error("the first error");
                    }),
                    kantor::Contains("the first error"));
  runtime.copies_fail = false;
  CHECK_THROWS_WITH(plane([&] {
                      runtime.copies_fail = true;
                      return 0.0;
                    }),
                    kantor::Contains("planted failure"));  // the first error is the one reported
}

TEST_CASE("metrics: the Fréchet distance of samples: 0 of one, the shift's square, and that of known Gaussians") {
  const auto a = gaussian(1, 500, {0, 0, 0}, {1, 2, 0.5});
  CHECK(frechet_distance(a, a, 3) == Approx(0).margin(1e-9));
  auto shifted = a;
  for (size_t i = 0; i < shifted.size(); i += 3) shifted[i] += 3;
  CHECK(frechet_distance(a, shifted, 3) == Approx(9).epsilon(1e-5));
  // Of N(0, diag(1, 4)) and N((1, 0), diag(9, 1)): 1 + (1 - 3)^2 + (2 - 1)^2 = 6.
  const auto p = gaussian(2, 200000, {0, 0}, {1, 2}), q = gaussian(3, 200000, {1, 0}, {3, 1});
  CHECK(frechet_distance(p, q, 2) == Approx(6).epsilon(0.02));
  CHECK(frechet_distance(q, p, 2) == Approx(frechet_distance(p, q, 2)).epsilon(1e-6));
  CHECK_THROWS_AS(frechet_distance(std::vector<float>{1, 2}, a, 3), ShapeError);
  CHECK_THROWS_AS(frechet_distance(std::vector<float>(6, NAN), a, 3), NonFiniteError);
}
