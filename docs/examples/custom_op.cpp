// An op of one's own: swish(x) = x sigmoid(x), with its derivative in differentiable ops, so that it has derivatives of
// every order. It is checked against finite differences in float64, which is how the project checks its own ops.
#include <cmath>
#include <cstdio>
#include <kantor/kantor.h>
#include <memory>
#include <vector>

namespace {

using namespace kantor;

class Swish final : public OpOf<Swish> {
 public:
  [[nodiscard]] const char* name() const override { return "swish"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    return {inputs[0]};
  }
  /// The forward on the CPU. One on GPUs would be `device`: see custom_kernel.
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const T* x = inputs[0].as<T>();
      T* y = outputs[0].as<T>();
      for (int64_t i = 0; i < outputs[0].size(); ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
    });
  }
  /// With s = sigmoid(x): d swish / dx = s + swish (1 - s).
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor s = sigmoid(c.inputs[0]);
    return {c.grads[0] * (s + c.outputs[0] * (1 - s))};
  }
};

Tensor swish(const Tensor& x) {
  return apply1(std::make_shared<const Swish>(), {x});
}

}  // namespace

int main() {
  const TensorOptions float64{DType::float64, {}};
  const Tensor x = from_host(std::vector<double>{-2, -0.5, 0, 1, 3}, {5}, float64);
  const Tensor first = grad(sum(swish(x)), {x}, {.create_graph = true, .seed = {}})[0];
  const Tensor second = grad(sum(first), {x})[0];
  const double h = 1e-4;
  const Tensor up = swish(x + h), here = swish(x), down = swish(x - h);
  const Tensor first_error = abs(first - (up - down) / (2 * h));
  const Tensor second_error = abs(second - (up - 2 * here + down) / (h * h));
  swish(x).print();
  double worst = 0;
  for (const double e : first_error.to_vector<double>()) worst = std::fmax(worst, e);
  for (const double e : second_error.to_vector<double>()) worst = std::fmax(worst, e);
  std::printf("derivatives of the first and second order differ from finite differences by at most %.1e\n", worst);
  return worst < 1e-6 ? 0 : 1;
}
