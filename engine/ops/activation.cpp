// Activations, alone and with a bias; derivatives in terms of the output, so that the input need not be kept.
#include "engine/cpu/activation.h"

#include "engine/ops.h"
#include "engine/ops/fused_activation.h"
#include "engine/ops/pointwise_op.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <tuple>

namespace kantor {
namespace {

double cost_of(Activation activation) {
  return activation.kind == Activation::Kind::identity || activation.kind == Activation::Kind::relu ||
                 activation.kind == Activation::Kind::leaky_relu
             ? 1
             : 15;
}

class Activate final : public FloatingOp<Activate> {
 public:
  explicit Activate(Activation activation) : activation_(activation), any_(function::Activate{activation}) {}
  [[nodiscard]] const AnyFunction* pointwise() const override { return &any_; }
  [[nodiscard]] const char* name() const override { return "activate"; }
  [[nodiscard]] bool elementwise() const override { return true; }
  [[nodiscard]] auto attributes() const { return std::tuple(activation_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override { return first_by_row(1); }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    cpu::for_ranges(outputs[0].size(), cost_of(activation_), [&](int64_t begin, int64_t end) {
      T* y = outputs[0].as<T>() + begin;
      std::copy_n(inputs[0].as<T>() + begin, end - begin, y);
      cpu::activate_run(activation_, y, end - begin);
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    KANTOR_ON(target.backend, unary(function::Activate{activation_}, inputs[0].as<T>(), outputs[0].as<T>(),
                                    outputs[0].size(), target.stream));
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    return {activation_grad(c.grads[0], c.outputs[0], activation_)};
  }

 private:
  Activation activation_;
  AnyFunction any_;
};

class ActivationGrad final : public FloatingOp<ActivationGrad> {
 public:
  explicit ActivationGrad(Activation activation)
      : activation_(activation), any_(function::ActivationGrad{activation}) {}
  [[nodiscard]] const AnyFunction* pointwise() const override { return &any_; }
  [[nodiscard]] const char* name() const override { return "activation_grad"; }
  [[nodiscard]] bool elementwise() const override { return true; }
  [[nodiscard]] auto attributes() const { return std::tuple(activation_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override { return {Rows::Use::each, {true, true}}; }
  [[nodiscard]] std::optional<Activation> derivative_of() const override { return activation_; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape != inputs[1].shape) throw ShapeError("the gradient and the output differ in shape");
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    cpu::for_ranges(outputs[0].size(), cost_of(activation_), [&](int64_t begin, int64_t end) {
      cpu::activation_grad_run(activation_, inputs[0].as<T>() + begin, inputs[1].as<T>() + begin,
                               outputs[0].as<T>() + begin, end - begin);
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    launch_binary<T>(function::ActivationGrad{activation_}, target, inputs[0], inputs[1], outputs[0]);
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor& seed = c.grads[0];
    return {c.wanted[0] ? activation_grad(seed, c.inputs[1], activation_) : Tensor(),
            c.wanted[1] ? by_output(seed, c.inputs[0], c.inputs[1]) : Tensor()};
  }

 private:
  /// seed g times d f' / dy. Piecewise-linear functions have none: their second derivative stays a symbolic zero.
  [[nodiscard]] Tensor by_output(const Tensor& seed, const Tensor& g, const Tensor& y) const {
    switch (activation_.kind) {
      case Activation::Kind::tanh:
        return seed * g * y * -2;
      case Activation::Kind::sigmoid:
        return seed * g * scale_shift(y, -2, 1);
      case Activation::Kind::softplus:
        return seed * g * exp(-y);
      default:
        return {};
    }
  }

  Activation activation_;
  AnyFunction any_;
};

class BiasActivate final : public FloatingOp<BiasActivate> {
 public:
  explicit BiasActivate(Activation activation) : activation_(activation) {}
  [[nodiscard]] const char* name() const override { return "bias_activate"; }
  [[nodiscard]] auto attributes() const { return std::tuple(activation_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override { return first_by_row(2); }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    if (inputs[0].shape.rank() < 1 || inputs[1].shape != Shape{inputs[0].shape[-1]}) {
      throw ShapeError("the bias must have one element per channel, the last axis");
    }
    return {inputs[0]};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    using Row = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;
    if (outputs[0].size() == 0) return;
    const int64_t channels = outputs[0].shape[-1], rows = outputs[0].size() / channels;
    const int64_t piece = std::max<int64_t>(1, cpu::piece_elements / channels);
    const Row bias(inputs[1].as<T>(), channels);
    const auto work = static_cast<double>(outputs[0].size()) * cost_of(activation_);
    cpu::for_pieces((rows + piece - 1) / piece, work, [&](int64_t p) {
      const int64_t begin = p * piece, end = std::min(rows, begin + piece);
      T* y = outputs[0].as<T>() + begin * channels;
      for (int64_t r = begin; r < end; ++r) {
        Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>(outputs[0].as<T>() + r * channels, channels) =
            Row(inputs[0].as<T>() + r * channels, channels) + bias;
      }
      cpu::activate_run(activation_, y, (end - begin) * channels);
    });
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    launch_binary<T>(function::BiasActivate{activation_}, target, inputs[0], inputs[1], outputs[0]);
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor gz = activation_grad(c.grads[0], c.outputs[0], activation_);
    return {gz, c.wanted[1] ? sum_to(gz, c.inputs[1].shape()) : Tensor()};
  }

 private:
  Activation activation_;
};

}  // namespace

bool usable_slope(double slope) {
  return std::isfinite(static_cast<float>(slope));
}

FusedActivation split_activation(Activation activation) {
  if (activation.kind != Activation::Kind::leaky_relu) return {activation, {}};
  if (!usable_slope(activation.slope)) {
    throw Error(
        fmt::format("leaky_relu: a slope of {}; expected a number that is finite in float32", activation.slope));
  }
  return activation.slope < 0 ? FusedActivation{{}, activation} : FusedActivation{activation, {}};
}

Tensor activate(const Tensor& x, Activation activation) {
  const auto [inside, falling] = split_activation(activation);
  if (falling.kind != Activation::Kind::identity) {  // at 0, a tie, the derivative is the slope, as in PyTorch
    return maximum(scale_shift(x, falling.slope, 0), x);
  }
  if (inside.kind == Activation::Kind::identity) return x;
  return apply1(std::make_shared<const Activate>(inside), {x});
}

Tensor activation_grad(const Tensor& g, const Tensor& y, Activation activation) {
  const auto [inside, falling] = split_activation(activation);
  if (falling.kind != Activation::Kind::identity) {
    throw Error(
        fmt::format("activation_grad: leaky_relu of slope {}: its derivative is no function of its output; "
                    "differentiate activate() instead",
                    falling.slope));
  }
  if (inside.kind == Activation::Kind::identity) return g;
  return apply1(std::make_shared<const ActivationGrad>(inside), {g, y});
}

Tensor bias_activate(const Tensor& x, const Tensor& bias, Activation activation) {
  const auto [inside, after] = split_activation(activation);
  return activate(apply1(std::make_shared<const BiasActivate>(inside), {x, bias}), after);
}

}  // namespace kantor
