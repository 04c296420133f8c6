#include "models/metrics/landscape.h"

#include "engine/autograd.h"
#include "engine/op.h"
#include "engine/ops.h"
#include "engine/random.h"

#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

/// Puts the parameters back when it goes.
class KeptWeights {
 public:
  explicit KeptWeights(const Arena& arena) : arena_(arena), saved_(empty(arena.flat().shape(), options(arena))) {
    saved_.copy_from(arena.flat());
  }
  ~KeptWeights() { arena_.flat().copy_from(saved_); }
  KeptWeights(const KeptWeights&) = delete;
  KeptWeights& operator=(const KeptWeights&) = delete;

  /// w + sum of coefficient * direction.
  void move(const std::vector<std::pair<double, const std::vector<Tensor>*>>& steps) const {
    const RecordingScope off(false);
    arena_.flat().copy_from(saved_);
    for (const auto& [coefficient, direction] : steps) {
      for (size_t i = 0; i < direction->size(); ++i) blend(arena_.tensors()[i], (*direction)[i], 1, coefficient);
    }
  }

 private:
  static TensorOptions options(const Arena& arena) { return {arena.flat().dtype(), arena.flat().device()}; }
  const Arena& arena_;
  Tensor saved_;
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

double value_or_zero(const Tensor& x) {
  return x.defined() ? x.item() : 0;
}

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
  const KeptWeights kept(network.parameters());
  std::vector<double> values;
  for (const double b : second.empty() ? std::vector<double>{0} : steps) {
    for (const double a : steps) {
      kept.move({{a, &first}, {b, &second}});
      values.push_back(loss());
    }
  }
  return values;
}

Curvature largest_curvature(const std::function<Tensor()>& loss, const std::vector<Tensor>& parameters,
                            double tolerance, int most, uint64_t seed) {
  if (parameters.empty()) throw ShapeError("the curvature of no parameters: expected at least one tensor");
  const std::vector<Tensor> gradient = grad(loss(), parameters, {.create_graph = true, .seed = {}});
  std::vector<Tensor> v;
  double squares = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    HostRandom random(seed, 0, i);
    std::vector<double> values(static_cast<size_t>(parameters[i].size()));
    for (double& x : values) squares += std::pow(x = random.normal(), 2);
    v.push_back(from_host(values, parameters[i].shape(), {parameters[i].dtype(), parameters[i].device()}));
  }
  const auto scale = [&](double factor) {
    const RecordingScope off(false);
    for (Tensor& x : v) x = (x * factor).detach();
  };
  scale(1 / std::sqrt(squares));

  Curvature result;
  while (result.iterations < most) {
    const Tensor along = inner(gradient, v);
    if (!along.defined()) return result;  // no gradient depends on the parameters
    const std::vector<Tensor> product = grad(along, parameters);
    ++result.iterations;
    const RecordingScope off(false);
    const double norm = std::sqrt(value_or_zero(inner(product, product)));
    result.eigenvalue = value_or_zero(inner(product, v));  // Rayleigh's quotient: v has norm 1
    result.residual = std::sqrt(std::max(0.0, norm * norm - result.eigenvalue * result.eigenvalue));
    if (norm == 0 || result.residual <= tolerance * std::abs(result.eigenvalue)) return result;
    for (size_t i = 0; i < v.size(); ++i) v[i] = or_zeros(product[i], parameters[i]).detach();
    scale(1 / norm);
  }
  return result;
}

}  // namespace kantor
