#include "models/metrics/landscape.h"

#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/random.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

/// Puts the parameters back: in `restore` at the end, or in the destructor if something was thrown before.
class KeptWeights {
 public:
  explicit KeptWeights(const Arena& arena) : arena_(arena), saved_(empty(arena.flat().shape(), options(arena))) {
    saved_.copy_from(arena.flat());
  }
  ~KeptWeights() {
    if (restored_) return;
    try {
      arena_.flat().copy_from(saved_);
    } catch (...) {  // the device fails: its first error is in flight and says more
    }
  }
  KeptWeights(const KeptWeights&) = delete;
  KeptWeights& operator=(const KeptWeights&) = delete;

  /// w + sum of coefficient * direction.
  void move(const std::vector<std::pair<double, const std::vector<Tensor>*>>& steps) const {
    const NoGrad no_grad;
    arena_.flat().copy_from(saved_);
    for (const auto& [coefficient, direction] : steps) {
      for (size_t i = 0; i < direction->size(); ++i) blend(arena_.tensors()[i], (*direction)[i], 1, coefficient);
    }
  }
  void restore() {
    restored_ = true;
    arena_.flat().copy_from(saved_);
  }

 private:
  static TensorOptions options(const Arena& arena) { return {arena.flat().dtype(), arena.flat().device()}; }
  const Arena& arena_;
  Tensor saved_;
  bool restored_ = false;
};

/// sum over all tensors of <a, b>; undefined ones count as zeros.
Tensor inner(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  Tensor total;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i].defined() || !b[i].defined()) continue;
    const Tensor part = sum(a[i] * b[i]);
    total = total.defined() ? total + part : part;
  }
  return total;
}

/// The Hessian of a loss, as a product with a vector of all parameters, concatenated.
class Hessian {
 public:
  Hessian(const Tensor& loss, const std::vector<Tensor>& parameters)
      : parameters_(parameters), gradient_(grad(loss, parameters, {.create_graph = true, .seed = {}})) {
    for (const Tensor& p : parameters) size_ += p.size();
  }
  [[nodiscard]] Eigen::Index size() const { return size_; }
  [[nodiscard]] Eigen::VectorXd times(const Eigen::VectorXd& v) const {
    std::vector<Tensor> direction;
    const double* next = v.data();
    for (const Tensor& p : parameters_) {
      direction.push_back(from_host(std::vector<double>(next, next + p.size()), p.shape(), {p.dtype(), p.device()}));
      next += p.size();
    }
    Eigen::VectorXd product = Eigen::VectorXd::Zero(size_);
    const Tensor along = inner(gradient_, direction);
    if (!along.defined()) return product;  // no gradient depends on the parameters
    const std::vector<Tensor> parts = grad(along, parameters_);
    double* place = product.data();
    for (size_t i = 0; i < parts.size(); place += parameters_[i++].size()) {
      if (!parts[i].defined()) continue;
      const std::vector<double> values = parts[i].to_vector<double>();
      std::copy(values.begin(), values.end(), place);
    }
    return product;
  }

 private:
  std::vector<Tensor> parameters_, gradient_;
  Eigen::Index size_ = 0;
};

}  // namespace

std::vector<Tensor> filter_normalized_direction(const Network& network, uint64_t seed, uint32_t stream) {
  std::vector<Tensor> direction;
  const auto& tensors = network.parameters().tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Network::Role& role = network.roles()[i];
    std::vector<double> values(static_cast<size_t>(tensors[i].size()), 0.0);
    if (!role.bias && !role.norm) {
      HostRandom random(seed, stream, i);
      const auto weights = tensors[i].to_vector<double>();
      const size_t filters = static_cast<size_t>(tensors[i].shape()[0]), length = values.size() / filters;
      for (size_t f = 0; f < filters; ++f) {
        double own = 0, drawn = 0;
        for (size_t k = f * length; k < (f + 1) * length; ++k) {
          values[k] = random.normal();
          own += weights[k] * weights[k];
          drawn += values[k] * values[k];
        }
        const double scale = drawn > 0 ? std::sqrt(own / drawn) : 0;
        for (size_t k = f * length; k < (f + 1) * length; ++k) values[k] *= scale;
      }
    }
    direction.push_back(from_host(values, tensors[i].shape(), network.options()));
  }
  return direction;
}

std::vector<double> loss_on_plane(Network& network, const std::vector<Tensor>& first, const std::vector<Tensor>& second,
                                  const std::vector<double>& steps, const std::function<double()>& loss) {
  const size_t tensors = network.parameters().tensors().size();
  if (first.size() != tensors || (!second.empty() && second.size() != tensors)) {
    throw ShapeError(
        fmt::format("directions of {} and {} tensors for a network of {}", first.size(), second.size(), tensors));
  }
  KeptWeights kept(network.parameters());
  std::vector<double> values;
  for (const double b : second.empty() ? std::vector<double>{0} : steps) {
    for (const double a : steps) {
      kept.move({{a, &first}, {b, &second}});
      values.push_back(loss());
    }
  }
  kept.restore();
  return values;
}

Curvature largest_curvature(const std::function<Tensor()>& loss, const std::vector<Tensor>& parameters,
                            double tolerance, int most, uint64_t seed) {
  if (parameters.empty()) throw ShapeError("the curvature of no parameters: expected at least one tensor");
  const Hessian hessian(loss(), parameters);
  HostRandom random(seed, 0);
  Eigen::VectorXd v(hessian.size());
  for (double& x : v) x = random.normal();
  v.normalize();

  Curvature result;
  std::vector<Eigen::VectorXd> kept;
  std::vector<double> diagonal, beside;  // of the Hessian in the basis of the kept vectors, where it is tridiagonal
  while (result.iterations < most) {
    kept.push_back(v);
    Eigen::VectorXd next = hessian.times(v);
    ++result.iterations;
    diagonal.push_back(next.dot(v));
    for (int pass = 0; pass < 2; ++pass) {  // one pass leaves rounding errors of vectors that nearly cancel
      for (const Eigen::VectorXd& old : kept) next -= next.dot(old) * old;
    }
    const double left = next.norm();
    using Values = Eigen::Map<const Eigen::VectorXd>;
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
    solver.computeFromTridiagonal(Values(diagonal.data(), result.iterations),
                                  Values(beside.data(), result.iterations - 1));
    const Eigen::VectorXd& values = solver.eigenvalues();
    const Eigen::Index last = values.size() - 1;
    const auto residual = [&](Eigen::Index i) { return left * std::abs(solver.eigenvectors()(last, i)); };
    const auto settled = [&](Eigen::Index i) { return residual(i) <= tolerance * std::abs(values[i]); };
    const Eigen::Index at = std::abs(values[0]) > std::abs(values[last]) ? 0 : last;
    result.eigenvalue = values[at], result.lowest = values[0], result.highest = values[last];
    result.residual = residual(at);
    if (left == 0 || (settled(0) && settled(last))) return result;
    beside.push_back(left);
    v = next / left;
  }
  return result;
}

}  // namespace kantor
