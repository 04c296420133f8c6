// Parametrized weights: derivatives, sigma and the polar factor against Eigen's SVD, and the networks made of them.
#include "models/nn/parametrization.h"

#include "engine/autograd.h"
#include "engine/random.h"
#include "models/gan/critic_loss.h"
#include "models/lipschitz/constraint.h"
#include "models/nn/architectures.h"
#include "models/nn/network.h"
#include "tests/catch.h"
#include "tests/gradcheck.h"

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace kantor;
using namespace kantor::testing;
using nlohmann::json;

namespace {

const TensorOptions f64{DType::float64, {}};
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

const std::vector<Shape> matrices{{1, 1}, {1, 7}, {6, 1}, {4, 9}, {11, 5}, {8, 8}, {32, 33}};

Tensor gaussian(const Shape& shape, HostRandom& random) {
  std::vector<double> values(static_cast<size_t>(shape.size()));
  for (double& value : values) value = random.normal();
  return from_host(values, shape, f64);
}

Matrix to_eigen(const Tensor& x) {
  const auto values = x.to_vector<double>();
  const int64_t rows = x.shape()[0];
  return Eigen::Map<const Matrix>(values.data(), rows, x.size() / rows);
}

Eigen::JacobiSVD<Matrix> svd_of(const Tensor& x) {
  return Eigen::JacobiSVD<Matrix>(to_eigen(x), Eigen::ComputeThinU | Eigen::ComputeThinV);
}

double largest_singular_value(const Tensor& x) {
  return svd_of(x).singularValues()[0];
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double v : values) result = std::max(result, std::abs(v));
  return result;
}

SingularPair converged(const Tensor& weight, HostRandom& random) {
  SingularPair pair{gaussian({weight.shape()[0]}, random), {}};
  for (int i = 0; i < 3000; ++i) pair = power_iteration(weight, pair.u);
  return pair;
}

Network make(const json& layers, const Shape& sample) {
  NetworkOptions options;
  options.tensor = f64;
  options.seed = 11;
  return {layers, sample, options};
}

/// Loss of a critic of smooth or sorted units at fixed points, with its buffers put back after.
class LossAt {
 public:
  LossAt(const json& layers, const Shape& sample, HostRandom& random) : critic_(make(layers, sample)) {
    std::vector<int64_t> shape{5};
    for (const int64_t extent : sample) shape.push_back(extent);
    batch_ = {to_channels_last(gaussian(Shape(shape), random)).detach(),
              to_channels_last(gaussian(Shape(shape), random)).detach(),
              uniform({5}, 3, 1, zeros({}, {DType::int64, {}}), DType::float64)};
    for (int i = 0; i < 3000 && critic_.buffers().flat().size() > 0; ++i) (void)critic_(batch_.real);
    buffers_ = critic_.buffers().flat().to_vector<double>();
  }
  /// Of the critic's loss with its gradient penalty: the derivative by all parameters along one direction, and its
  /// central difference.
  std::pair<double, double> derivatives(HostRandom& random) {
    const auto& parameters = critic_.parameters().tensors();
    const std::vector<Tensor> grads = grad(loss(), parameters);
    const std::vector<double> at = critic_.parameters().flat().to_vector<double>();
    std::vector<double> direction(at.size());
    double analytic = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const ArenaRow& row = critic_.parameters().rows()[i];
      const auto g = or_zeros(grads[i], parameters[i]).to_vector<double>();
      for (size_t k = 0; k < g.size(); ++k) {
        const double d = 2 * random.uniform() - 1;
        direction[static_cast<size_t>(row.offset) + k] = d;
        analytic += g[k] * d;
      }
    }
    constexpr double step = 1e-6;
    const auto shifted = [&](double h) {
      std::vector<double> values = at;
      for (size_t i = 0; i < values.size(); ++i) values[i] += h * direction[i];
      critic_.parameters().flat().assign(std::span<const double>(values));
      return loss().item();
    };
    const double numeric = (shifted(step) - shifted(-step)) / (2 * step);
    (void)shifted(0);
    return {analytic, numeric};
  }

 private:
  Tensor loss() {
    if (!buffers_.empty()) critic_.buffers().flat().assign(std::span<const double>(buffers_));
    return critic_loss(critic_, *make_constraint({.kind = "penalty"}), batch_).loss;
  }

  Network critic_;
  CriticBatch batch_;
  std::vector<double> buffers_;
};

}  // namespace

TEST_CASE("parametrization: first and second derivatives agree with central differences") {
  HostRandom random(2026, 20);
  for (const Shape& shape : matrices) {
    INFO(to_string(shape));
    const Tensor w = gaussian(shape, random);
    const SingularPair pair = power_iteration(w, gaussian({shape[0]}, random));
    const auto check = [&](const char* name, const std::function<Tensor(const Tensor&)>& fn) {
      INFO(name);
      const Case c{[fn](const std::vector<Tensor>& in) { return fn(in[0]); }, {w}, {true}};
      CHECK(gradcheck(c, random) == "");
      CHECK(gradgradcheck(c, random) == "");
    };
    check("spectral", [&](const Tensor& x) { return spectral_normalize(x, pair); });
    check("weight_norm", [](const Tensor& x) { return weight_normalize(x); });
    check("orthonormal step", [](const Tensor& x) { return orthonormal_step(x); });
    check("bjorck", [](const Tensor& x) { return bjorck_orthonormalize(x); });
    check("bjorck of 3 iterations", [](const Tensor& x) { return bjorck_orthonormalize(x, 3); });
  }
  const Tensor filter = gaussian({3, 2, 2, 4}, random);
  const SingularPair pair = power_iteration(filter, gaussian({3}, random));
  for (const auto& fn : {Function([](const std::vector<Tensor>& in) { return weight_normalize(in[0]); }),
                         Function([&](const std::vector<Tensor>& in) { return spectral_normalize(in[0], pair); })}) {
    CHECK(gradcheck({fn, {filter}, {true}}, random) == "");
    CHECK(gradgradcheck({fn, {filter}, {true}}, random) == "");
  }
}

TEST_CASE("parametrization: after enough iterations sigma is the SVD's largest singular value, from below before") {
  HostRandom random(2026, 21);
  for (const Shape& shape : matrices) {
    INFO(to_string(shape));
    const Tensor w = gaussian(shape, random);
    const double sigma = largest_singular_value(w);
    // W / (W / sigma): the sigma that was divided by.
    const auto estimate = [&](const SingularPair& pair) {
      return w.to_vector<double>()[0] / spectral_normalize(w, pair).to_vector<double>()[0];
    };
    CHECK(std::abs(estimate(power_iteration(w, gaussian({shape[0]}, random)))) <= sigma * (1 + 1e-12));
    CHECK(estimate(converged(w, random)) == Approx(sigma).epsilon(1e-10));
    CHECK(largest_singular_value(spectral_normalize(w, converged(w, random))) == Approx(1).epsilon(1e-10));
  }
}

TEST_CASE("parametrization: its derivative is that of W / sigma_1(W), the singular vectors constant") {
  HostRandom random(2026, 22);
  const Tensor w = gaussian({5, 7}, random), weights = gaussian({5, 7}, random), direction = gaussian({5, 7}, random);
  const double analytic =
      sum(grad(sum(spectral_normalize(w, converged(w, random)) * weights), {w})[0] * direction).item();
  const auto shifted = [&](double h) {
    const Tensor x = w + direction * h;
    return (to_eigen(x) / largest_singular_value(x)).cwiseProduct(to_eigen(weights)).sum();
  };
  CHECK(analytic == Approx((shifted(1e-5) - shifted(-1e-5)) / 2e-5).epsilon(1e-6));
}

TEST_CASE("parametrization: a detached sigma leaves the derivative of W over a constant") {
  HostRandom random(2026, 28);
  const Tensor w = gaussian({5, 7}, random), weights = gaussian({5, 7}, random);
  const SingularPair pair = converged(w, random);
  CHECK(spectral_normalize(w, pair, true).to_vector<double>() == spectral_normalize(w, pair).to_vector<double>());
  const auto found = grad(sum(spectral_normalize(w, pair, true) * weights), {w})[0].to_vector<double>();
  const auto expected = weights.to_vector<double>();
  const double sigma = largest_singular_value(w);
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i] / sigma).epsilon(1e-10));
}

TEST_CASE("parametrization: the orthonormal step keeps an orthonormal matrix, and its derivative is the projection") {
  HostRandom random(2026, 29);
  for (const Shape& shape : {Shape{4, 9}, Shape{11, 5}, Shape{8, 8}}) {
    INFO(to_string(shape));
    const Tensor w = bjorck_orthonormalize(gaussian(shape, random), 40).detach();
    const Matrix at = to_eigen(w);
    CHECK((to_eigen(orthonormal_step(w)) - at).cwiseAbs().maxCoeff() <= 1e-14);
    const Tensor weights = gaussian(shape, random);
    // The projection is its own transpose, so the gradient of <weights, step(W)> is the projection of the weights.
    const Matrix d = to_eigen(weights);
    const bool wide = shape[0] <= shape[1];
    const Matrix symmetric = wide ? Matrix(d * at.transpose() + at * d.transpose()) / 2
                                  : Matrix(d.transpose() * at + at.transpose() * d) / 2;
    const Matrix expected = wide ? Matrix(d - symmetric * at) : Matrix(d - at * symmetric);
    const Matrix found = to_eigen(grad(sum(orthonormal_step(w) * weights), {w})[0]);
    CHECK((found - expected).cwiseAbs().maxCoeff() <= 1e-13);
    const Matrix leaves = wide ? Matrix(found * at.transpose() + at * found.transpose())
                               : Matrix(found.transpose() * at + at.transpose() * found);
    CHECK(leaves.cwiseAbs().maxCoeff() <= 1e-13);
    // It is also the derivative of the nearest orthonormal matrix.
    const Matrix nearest = to_eigen(grad(sum(bjorck_orthonormalize(w, 40) * weights), {w})[0]);
    CHECK((found - nearest).cwiseAbs().maxCoeff() <= 1e-12);
  }
  CHECK_THROWS_WITH(orthonormal_step(zeros({2, 3, 3, 1}, f64)), Contains("expected a matrix"));
}

TEST_CASE("parametrization: a network keeps orthonormal weights so, from its start and after any update") {
  HostRandom random(2026, 30);
  const json layers = json::parse(R"([{"type":"linear","in":3,"out":64,"parametrization":"orthonormal"},
      {"type":"group_sort","group":64}, {"type":"linear","in":64,"out":64,"parametrization":"orthonormal"},
      {"type":"group_sort"}, {"type":"linear","in":64,"out":1,"parametrization":"orthonormal"}])");
  const Network network = make(layers, {3});
  const auto distance = [&] {
    double farthest = 0;
    for (size_t i = 0; i < network.roles().size(); ++i) {
      if (network.roles()[i].bias) continue;
      const Matrix w = to_eigen(network.parameters().tensors()[i]);
      const Matrix gram = w.rows() <= w.cols() ? Matrix(w * w.transpose()) : Matrix(w.transpose() * w);
      farthest = std::max(farthest, (gram - Matrix::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff());
    }
    return farthest;
  };
  CHECK(distance() <= 1e-9);
  const auto biases = network.parameters().tensors()[1].to_vector<double>();
  for (const double size : {1e-3, 1e-2, 0.05}) {
    for (const Tensor& w : network.parameters().tensors()) {
      if (w.rank() == 2) w.copy_from(w + gaussian(w.shape(), random) * size);
    }
    CHECK(distance() > size / 4);
    network.retract();
    INFO("after a step of " << size << ": " << distance());
    CHECK(distance() <= 1e-6);
  }
  CHECK(network.parameters().tensors()[1].to_vector<double>() == biases);
}

TEST_CASE("parametrization: rows under weight norm have norm 1, and zero stays zero") {
  HostRandom random(2026, 23);
  const Tensor w = gaussian({6, 3, 3, 2}, random);
  for (const double n : row_norm(weight_normalize(w)).to_vector<double>()) CHECK(n == Approx(1).epsilon(1e-14));
  const Tensor zero = zeros({2, 3}, f64);
  CHECK(largest(weight_normalize(zero).to_vector<double>()) == 0);
  CHECK(largest(grad(sum(weight_normalize(zero)), {zero})[0].to_vector<double>()) == 0);
  CHECK(largest(spectral_normalize(zero, power_iteration(zero, ones({2}, f64))).to_vector<double>()) == 0);
}

TEST_CASE("parametrization: Bjoerck's iteration ends at the polar factor, and never above norm 1") {
  HostRandom random(2026, 24);
  int judged = 0;
  for (const Shape& shape : {Shape{1, 1}, Shape{1, 7}, Shape{6, 1}, Shape{4, 9}, Shape{11, 5}, Shape{8, 8},
                             Shape{64, 32}, Shape{128, 128}}) {
    for (const double scale : {1e-4, 1.0, 1e4}) {
      const Tensor w = (gaussian(shape, random) * scale).detach();
      const auto svd = svd_of(w);
      const Matrix found = to_eigen(bjorck_orthonormalize(w));
      const Matrix polar = svd.matrixU() * svd.matrixV().transpose();
      const auto& sigma = svd.singularValues();
      const double bound = std::sqrt(std::sqrt(sigma.array().square().square().sum())),
                   least = sigma[sigma.size() - 1] / bound;
      INFO(to_string(shape) << ", smallest singular value over the bound " << least);
      CHECK(largest_singular_value(
                from_host(std::vector<double>(found.data(), found.data() + found.size()), shape, f64)) <= 1 + 1e-12);
      if (least < 1e-3) continue;
      ++judged;
      const bool wide = shape[0] <= shape[1];
      const Matrix gram = wide ? Matrix(found * found.transpose()) : Matrix(found.transpose() * found);
      CHECK((gram - Matrix::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff() <= 2e-4);
      CHECK((found - polar).cwiseAbs().maxCoeff() <= 1e-4);
      if (least < 1e-2) continue;
      CHECK((gram - Matrix::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff() <= 1e-12);
    }
  }
  CHECK(judged >= 18);
  CHECK_THROWS_WITH(bjorck_orthonormalize(zeros({2, 3, 3, 1}, f64)), Contains("expected a matrix"));
}

TEST_CASE("parametrization: a penalised critic's gradient by every weight agrees with central differences") {
  HostRandom random(2026, 25);
  const auto with = [](json layers, const char* parametrization) {
    for (json& layer : layers) {
      const auto type = layer["type"].get<std::string>();
      if (type == "linear" || type == "conv2d" || type == "rnn") layer["parametrization"] = parametrization;
    }
    return layers;
  };
  const json dense = mlp({3, 1, 6, 2, "tanh", "none"}), sorted = mlp({3, 1, 6, 2, "group_sort", "none"});
  const json image = json::parse(R"([{"type":"conv2d","in":2,"out":4,"kernel":3,"stride":2,"padding":1},
      {"type":"softplus"}, {"type":"flatten"}, {"type":"linear","in":16,"out":1}])");
  const json sequence = rnn_critic(3, 4);
  for (const char* parametrization : {"spectral", "weight_norm", "bjorck", "orthonormal"}) {
    for (const auto& [layers, sample] : {std::pair{dense, Shape{3}}, std::pair{sorted, Shape{3}},
                                         std::pair{image, Shape{2, 4, 4}}, std::pair{sequence, Shape{5, 3}}}) {
      const bool whole_map = parametrization[0] == 'b' || parametrization[0] == 'o';
      if (whole_map && sample.rank() > 1) continue;
      INFO(parametrization << " " << layers.dump());
      LossAt loss(with(layers, parametrization), sample, random);
      for (int k = 0; k < 3; ++k) {
        const auto [analytic, numeric] = loss.derivatives(random);
        CHECK(analytic == Approx(numeric).epsilon(1e-6).margin(1e-7));
      }
    }
  }
}

TEST_CASE("parametrization: a training forward iterates once, an evaluation does not") {
  HostRandom random(2026, 26);
  const json layers = json::parse(R"([{"type":"linear","in":3,"out":5,"parametrization":"spectral"}])");
  const Network network = make(layers, {3});
  REQUIRE(network.buffers().rows().size() == 1);
  CHECK(network.buffers().rows()[0].name == "0.weight_u");
  const Tensor& w = network.parameters().tensors()[0];
  const Tensor& u = network.buffers().tensors()[0];
  const Tensor x = gaussian({4, 3}, random);
  const auto before = u.to_vector<double>();
  const Tensor expected = power_iteration(w, u).u;
  (void)network(x, Mode::evaluate);
  CHECK(u.to_vector<double>() == before);
  (void)network(x, Mode::train);
  CHECK(u.to_vector<double>() == expected.to_vector<double>());
  CHECK(u.to_vector<double>() != before);
}

TEST_CASE("parametrization: a convolution counts as the matrix [O, C kh kw]") {
  HostRandom random(2026, 27);
  const json layers = json::parse(R"([{"type":"conv2d","in":2,"out":3,"kernel":2,"parametrization":"spectral"}])");
  Network network = make(layers, {2, 2, 2});
  for (int i = 0; i < 3000; ++i) (void)network(gaussian({1, 2, 2, 2}, random));
  const double sigma = largest_singular_value(network.to_file(0));  // [3, 2, 2, 2]: the same matrix in another order
  const Tensor bias = network.parameters().tensors()[1];
  bias.copy_from(zeros(bias.shape(), f64));
  const Tensor x = gaussian({1, 2, 2, 2}, random);
  const auto found = network(x, Mode::evaluate).to_vector<double>();
  const auto raw = conv2d(x, network.parameters().tensors()[0], {}).to_vector<double>();
  for (size_t i = 0; i < raw.size(); ++i) CHECK(found[i] == Approx(raw[i] / sigma).epsilon(1e-10));
}

TEST_CASE("parametrization: what a layer cannot be is refused by its key") {
  const auto refused = [](const char* layers, const Shape& sample, const std::string& text) {
    INFO(layers);
    CHECK_THROWS_WITH(make(json::parse(layers), sample), Contains(text));
  };
  refused(R"([{"type":"linear","in":2,"out":1,"parametrization":"spectal"}])", {2},
          "expected spectral, spectral_detached, weight_norm, bjorck or");
  refused(R"([{"type":"linear","in":2,"out":1,"parametrization":3}])", {2}, "key 'parametrization' is 3");
  refused(R"([{"type":"conv2d","in":1,"out":1,"kernel":2,"parametrization":"bjorck"}])", {1, 4, 4},
          "expected spectral, spectral_detached or weight_norm");
  refused(R"([{"type":"conv_transpose2d","in":1,"out":1,"kernel":2,"parametrization":"spectral"}])", {1, 4, 4},
          "unknown key 'parametrization'");
  refused(R"([{"type":"linear","in":2,"out":3},{"type":"group_sort"}])", {2}, "layer 1");
  refused(R"([{"type":"group_sort"}])", {4, 2}, "whole groups of 2");
  refused(R"([{"type":"group_sort","group":3}])", {4}, "whole groups of 3");
  refused(R"([{"type":"group_sort","group":0}])", {4}, "at least 1");
}
