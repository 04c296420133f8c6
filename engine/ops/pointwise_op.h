// Pointwise ops: a function object with one Eigen expression, its kernel's function and its derivative becomes an op.
#pragma once

#include "engine/cpu/pointwise.h"
#include "engine/launch.h"
#include "engine/op.h"
#include "kernels/pointwise.h"

#include <memory>
#include <utility>
#include <vector>

namespace kantor {

/// The merged axes of a broadcast, as kernels take them.
BroadcastShape broadcast_shape(const Shape& a, const Shape& b, const Shape& out);

/// y = f(a, b) on a device that runs kernels.
template <class F>
void launch_binary(F f, Device device, const View& a, const View& b, const View& y) {
  const Target target = target_of(device);
  visit_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    KANTOR_ON(target.backend, binary(f, a.as<T>(), b.as<T>(), y.as<T>(), broadcast_shape(a.shape, b.shape, y.shape),
                                     y.size(), target.stream));
  });
}

/// F: `static constexpr const char* name`, `double cost` against a multiplication, `operator()(x)` on an Eigen array of
/// T giving an expression, `kernel()` giving the same as a function of kernels/function.h, and `Tensor vjp(x, y, g)`
/// giving d/dx in ops (undefined: zero).
template <class F>
class Unary final : public OpOf<Unary<F>> {
 public:
  explicit Unary(F f) : f_(std::move(f)) {}
  [[nodiscard]] const char* name() const override { return F::name; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override {
    require_floating(inputs);
    return {inputs[0]};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const T* x = inputs[0].as<T>();
      T* y = outputs[0].as<T>();
      cpu::for_ranges(outputs[0].size(), F::cost, [&](int64_t begin, int64_t end) {
        cpu::Array<T>(y + begin, end - begin) =
            f_(Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x + begin, end - begin));
      });
    });
  }
  void device(Device device, Inputs inputs, Outputs outputs) const override {
    const Target target = target_of(device);
    visit_floating(outputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      KANTOR_ON(target.backend,
                unary(f_.kernel(), inputs[0].as<T>(), outputs[0].as<T>(), outputs[0].size(), target.stream));
    });
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {f_.vjp(c.inputs[0], c.outputs[0], c.grads[0])};
  }

 private:
  F f_;
};

template <class F>
Tensor unary(F f, const Tensor& x) {
  return apply1(std::make_shared<const Unary<F>>(std::move(f)), {x});
}

/// F: name, cost, `operator()(a, b)` on Eigen arrays, `kernel()`, and `vjp(context)` giving both derivatives before
/// summing down to each operand's shape.
template <class F>
class Binary final : public OpOf<Binary<F>> {
 public:
  explicit Binary(F f) : f_(std::move(f)) {}
  [[nodiscard]] const char* name() const override { return F::name; }
  [[nodiscard]] std::vector<Spec> infer(std::span<const Spec> inputs) const override {
    require_floating(inputs);
    return {{broadcast(inputs[0].shape, inputs[1].shape), inputs[0].dtype}};
  }
  void cpu(Inputs inputs, Outputs outputs) const override {
    visit_floating(outputs[0].dtype,
                   [&](auto zero) { cpu::binary_broadcast<F, decltype(zero)>(f_, inputs[0], inputs[1], outputs[0]); });
  }
  void device(Device device, Inputs inputs, Outputs outputs) const override {
    launch_binary(f_.kernel(), device, inputs[0], inputs[1], outputs[0]);
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& context) const override { return f_.vjp(context); }

 private:
  F f_;
};

template <class F>
Tensor binary(F f, const Tensor& a, const Tensor& b) {
  return apply1(std::make_shared<const Binary<F>>(std::move(f)), {a, b});
}

}  // namespace kantor
