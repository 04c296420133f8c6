// An op that launches a kernel of one's own: it runs on the CPU, on the simulator, and on a GPU where there is one.
#include "scale_rows.h"

#include <cstdio>
#include <engine/target.h>
#include <kantor/kantor.h>
#include <memory>
#include <vector>

namespace {

using namespace kantor;

class ScaleRows final : public FloatingOp<ScaleRows> {
 public:
  [[nodiscard]] const char* name() const override { return "scale_rows"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape.rank() != 2 || inputs[1].shape != Shape{inputs[0].shape[0]}) {
      throw ShapeError("expected x [rows, width] and factors [rows]");
    }
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t width = inputs[0].shape[1];
    for (int64_t i = 0; i < outputs[0].size(); ++i) {
      outputs[0].as<T>()[i] = inputs[1].as<T>()[i / width] * inputs[0].as<T>()[i];
    }
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, scale_rows(inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>(), inputs[0].shape[0],
                                         inputs[0].shape[1], target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor column = reshape(c.inputs[1], {c.inputs[1].size(), 1});
    return {c.grads[0] * column, sum(c.grads[0] * c.inputs[0], {1})};
  }
};

}  // namespace

int main() {
  const std::vector<float> values{1, 2, 3, 4, 5, 6}, factors{10, -1};
  int failures = 0;
  for (const char* name : {"cpu", "sim", "cuda"}) {
    Device device;
    try {
      device = find_device(name);
    } catch (const DeviceError& error) {
      std::printf("%s: not here: %s\n", name, error.what());
      continue;
    }
    const Tensor x = from_host(values, {2, 3}, {DType::float32, device});
    const Tensor f = from_host(factors, {2}, {DType::float32, device});
    const Tensor y = apply1(std::make_shared<const ScaleRows>(), {x, f});
    y.print();
    const bool right = y.to_vector<float>() == std::vector<float>{10, 20, 30, -4, -5, -6} &&
                       grad(sum(y), {f})[0].to_vector<float>() == std::vector<float>{6, 15};
    if (!right) ++failures;
  }
  return failures;
}
