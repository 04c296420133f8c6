// Pointwise ops: a function of kernels/function.h and its derivative become an op.
#pragma once

#include "engine/apply.h"
#include "engine/cpu/pointwise.h"
#include "engine/target.h"
#include "kernels/any_function.h"
#include "kernels/pointwise.h"

#include <memory>
#include <utility>
#include <vector>

namespace kantor {

/// The merged axes of a broadcast, as kernels take them.
BroadcastShape broadcast_shape(const Shape& a, const Shape& b, const Shape& out);

/// y = f(a, b) on a device that runs kernels.
template <class T, class F>
void launch_binary(F f, const Target& target, const View& a, const View& b, const View& y) {
  KANTOR_ON(target.backend, binary(f, a.as<T>(), b.as<T>(), y.as<T>(), broadcast_shape(a.shape, b.shape, y.shape),
                                   y.size(), target.stream));
}

/// F describes an op of one operand: `static constexpr const char* name`, `double cost` against a multiplication,
/// `function`, one of kernels/function.h, and `Tensor vjp(x, y, g)` giving d/dx in ops (undefined: zero).
template <class F>
class Unary final : public FloatingOp<Unary<F>> {
 public:
  explicit Unary(F f) : f_(std::move(f)), any_(f_.function) {}
  [[nodiscard]] const AnyFunction* pointwise() const override { return &any_; }
  [[nodiscard]] const char* name() const override { return F::name; }
  [[nodiscard]] bool elementwise() const override { return true; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const T* x = inputs[0].as<T>();
    T* y = outputs[0].as<T>();
    cpu::for_ranges(outputs[0].size(), F::cost, [&](int64_t begin, int64_t end) {
      using Input = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
      cpu::Array<T>(y + begin, end - begin) = Input(x + begin, end - begin).unaryExpr(f_.function);
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend,
              unary(f_.function, inputs[0].as<T>(), outputs[0].as<T>(), outputs[0].size(), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {f_.vjp(c.inputs[0], c.outputs[0], c.grads[0])};
  }

 private:
  F f_;
  AnyFunction any_;
};

template <class F>
Tensor unary(F f, const Tensor& x) {
  return apply1(std::make_shared<const Unary<F>>(std::move(f)), {x});
}

/// F describes an op of two operands: name, cost, function, and `vjp(context)` giving both derivatives, each summed
/// down to its operand's shape.
template <class F>
class Binary final : public FloatingOp<Binary<F>> {
 public:
  explicit Binary(F f) : f_(std::move(f)), any_(f_.function) {}
  [[nodiscard]] const AnyFunction* pointwise() const override { return &any_; }
  [[nodiscard]] const char* name() const override { return F::name; }
  [[nodiscard]] bool elementwise() const override { return true; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    return {{broadcast(inputs[0].shape, inputs[1].shape), inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    cpu::binary_broadcast<decltype(f_.function), T>(f_.function, F::cost, inputs[0], inputs[1], outputs[0]);
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    launch_binary<T>(f_.function, target, inputs[0], inputs[1], outputs[0]);
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& context) const override { return f_.vjp(context); }

 private:
  F f_;
  AnyFunction any_;
};

template <class F>
Tensor binary(F f, const Tensor& a, const Tensor& b) {
  return apply1(std::make_shared<const Binary<F>>(std::move(f)), {a, b});
}

}  // namespace kantor
