#include "tests/gradcheck.h"

#include "engine/autograd.h"
#include "engine/ops.h"

#include <cmath>
#include <fmt/format.h>

namespace kantor::testing {
namespace {

Tensor weighted_sum(const Tensor& y, const Tensor& weights) {
  return sum(mul(y, weights));
}

/// f at x + step * direction, on the host.
double shifted(const Case& c, const std::vector<Tensor>& directions, double step, const Tensor& weights) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    inputs.push_back(c.differentiable[i] ? add(c.inputs[i], scale_shift(directions[i], step, 0)).detach()
                                         : c.inputs[i]);
  }
  return weighted_sum(c.fn(inputs), weights).item();
}

/// Uniform in [-1, 1], scaled to unit length.
Tensor random_direction(const Shape& shape, HostRandom& random) {
  std::vector<double> values(static_cast<size_t>(shape.size()));
  double squares = 0;
  for (double& value : values) {
    value = 2 * random.uniform() - 1;
    squares += value * value;
  }
  for (double& value : values) value /= std::sqrt(squares) + 1e-300;
  return from_host(values, shape, {DType::float64, {}});
}

}  // namespace

Tensor random_tensor(const Shape& shape, HostRandom& random) {
  std::vector<double> values(static_cast<size_t>(shape.size()));
  for (double& value : values) {
    const double size = 0.3 + 1.2 * random.uniform();
    value = random.bits() & 1 ? size : -size;
  }
  return from_host(values, shape, {DType::float64, {}});
}

std::string gradcheck(const Case& c, HostRandom& random) {
  std::vector<Tensor> leaves, wanted, directions;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    leaves.push_back(c.inputs[i].detach());
    directions.push_back(c.differentiable[i] ? random_direction(c.inputs[i].shape(), random) : Tensor());
    if (c.differentiable[i]) wanted.push_back(leaves.back());
  }
  const Tensor y = c.fn(leaves);
  const Tensor weights = random_tensor(y.shape(), random);
  const std::vector<Tensor> grads = grad(weighted_sum(y, weights), wanted);

  double analytic = 0;
  for (size_t i = 0, w = 0; i < leaves.size(); ++i) {
    if (!c.differentiable[i]) continue;
    const Tensor& g = grads[w++];
    if (g.defined()) analytic += weighted_sum(g, directions[i]).item();
  }
  constexpr double step = 1e-5;
  const double numeric = (shifted(c, directions, step, weights) - shifted(c, directions, -step, weights)) / (2 * step);
  const double tolerance = 1e-8 + 1e-6 * std::max(std::abs(analytic), std::abs(numeric));
  if (std::abs(analytic - numeric) <= tolerance) return "";
  std::string shapes;
  for (const Tensor& input : c.inputs) shapes += " " + to_string(input.shape());
  return fmt::format("derivative {:.12g}, central difference {:.12g}, inputs{}", analytic, numeric, shapes);
}

std::string gradgradcheck(const Case& c, HostRandom& random) {
  const Tensor y = c.fn(c.inputs);
  std::vector<Tensor> weights;  // of each gradient in the scalar that is differentiated again
  for (const Tensor& input : c.inputs) weights.push_back(random_tensor(input.shape(), random));

  Case second;
  second.inputs = c.inputs;
  second.inputs.push_back(random_tensor(y.shape(), random));
  second.differentiable = c.differentiable;
  second.differentiable.push_back(true);
  second.fn = [&c, weights](const std::vector<Tensor>& inputs) {
    const std::vector<Tensor> xs(inputs.begin(), inputs.end() - 1);
    std::vector<Tensor> wanted;
    for (size_t i = 0; i < xs.size(); ++i) {
      if (c.differentiable[i]) wanted.push_back(xs[i]);
    }
    const std::vector<Tensor> grads = grad(weighted_sum(c.fn(xs), inputs.back()), wanted, {true, {}});
    Tensor total = zeros({}, {DType::float64, {}});
    for (size_t i = 0, w = 0; i < xs.size(); ++i) {
      if (!c.differentiable[i]) continue;
      const Tensor& g = grads[w++];
      if (g.defined()) total = total + weighted_sum(g, weights[i]);
    }
    return total;
  };
  return gradcheck(second, random);
}

}  // namespace kantor::testing
