// The gradient penalty as one fused op against the same in ordinary ops: equal values and equal second derivatives, and
// what each costs. kernels/gradient_penalty.cu tells why one pass is enough.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <kantor/kantor.h>
#include <vector>

namespace {

using namespace kantor;

/// lambda mean (|d critic / dx| - 1)^2 by the fused op, and by ordinary ops.
Tensor fused(const Tensor& g) {
  return gradient_penalty(g, PenaltyKind::two_sided, 10).value;
}
Tensor decomposed(const Tensor& g) {
  return mean(square(sqrt(sum(square(g), {1})) - 1)) * 10;
}

/// The gradient of the penalty by the critic's weights: of the second order.
std::vector<double> weight_gradient(const Network& critic, const Tensor& x, Tensor (*penalty)(const Tensor&)) {
  const Tensor g = grad(sum(critic(x)), {x}, {.create_graph = true, .seed = {}})[0];
  return grad(penalty(g), {critic.parameters().tensors()[0]})[0].to_vector<double>();
}

double milliseconds(const std::function<void()>& fn) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) fn();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / 20;
}

}  // namespace

int main() {
  NetworkOptions float64;
  float64.tensor.dtype = DType::float64;
  const Network critic(mlp({.in = 784, .out = 1, .width = 64}), {784}, float64);
  const Tensor step = zeros({}, {DType::int64, {}});
  const Tensor x = normal({256, 784}, 1, 1, step, DType::float64);
  const std::vector<double> one = weight_gradient(critic, x, fused), other = weight_gradient(critic, x, decomposed);
  double worst = 0;
  for (size_t i = 0; i < one.size(); ++i) worst = std::fmax(worst, std::abs(one[i] - other[i]));

  const Tensor g = normal({256, 784}, 1, 2, step);
  std::printf("the weights' gradients differ by at most %.1e\n", worst);
  std::printf("value and derivative: %.3f ms fused, %.3f ms in ordinary ops\n",
              milliseconds([&] { (void)gradient_penalty(g, PenaltyKind::two_sided, 10); }),
              milliseconds([&] { (void)grad(decomposed(g), {g}); }));
  return worst < 1e-12 ? 0 : 1;
}
