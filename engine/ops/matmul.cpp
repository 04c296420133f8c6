// Matrix products, and the linear layer with bias and activation in the product's epilogue.
#include "engine/cpu/gemm.h"
#include "engine/ops.h"
#include "engine/ops/fused_activation.h"
#include "engine/ops/multiply.h"
#include "engine/ops/pointwise_op.h"
#include "engine/ops/product_epilogue.h"

#include <fmt/format.h>
#include <tuple>

namespace kantor {
namespace {

class Matmul final : public FloatingOp<Matmul> {
 public:
  Matmul(bool transpose_a, bool transpose_b, DerivativeOf before = {})
      : ta_(transpose_a), tb_(transpose_b), before_(before) {}
  [[nodiscard]] const char* name() const override { return "matmul"; }
  [[nodiscard]] auto attributes() const { return std::tuple(ta_, tb_, before_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override {
    if (before_) return {};
    if (!ta_) return {Rows::Use::each, {true, false}};
    return tb_ ? Rows{} : Rows{Rows::Use::summed, {true, true}};
  }
  [[nodiscard]] std::shared_ptr<const Op> times_derivative(Activation of) const override {
    return before_ ? nullptr : std::make_shared<const Matmul>(ta_, tb_, of);
  }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    const Shape &a = inputs[0].shape, &b = inputs[1].shape;
    if (a.rank() != 2 || b.rank() != 2) throw ShapeError("both operands must have rank 2");
    if (a[ta_ ? 0 : 1] != b[tb_ ? 1 : 0]) {
      throw ShapeError(fmt::format("inner sizes {} and {} differ, transposition flags {} and {}", a[ta_ ? 0 : 1],
                                   b[tb_ ? 1 : 0], ta_, tb_));
    }
    const Shape product{a[ta_ ? 1 : 0], b[tb_ ? 0 : 1]};
    require_output_of(before_, inputs, product);
    return {{product, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const int64_t k = inputs[0].shape[ta_ ? 0 : 1];
    cpu::gemm<T>(ta_, tb_, outputs[0].shape[0], outputs[0].shape[1], k, inputs[0].as<T>(), inputs[1].as<T>(),
                 outputs[0].as<T>(), epilogue_of<T>(before_, {}, inputs));
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    multiply(target, ta_, tb_, outputs[0].shape[0], outputs[0].shape[1], inputs[0].shape[ta_ ? 0 : 1],
             inputs[0].as<T>(), inputs[1].as<T>(), epilogue_of<T>(before_, {}, inputs), outputs[0].as<T>());
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    return {activation_grad(matmul(in[0], in[1], ta_, tb_), in[2], *before_)};
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    if (before_) return Op::vjp(c);
    const Tensor &a = c.inputs[0], &b = c.inputs[1], &g = c.grads[0];
    std::vector<Tensor> grads(2);
    if (c.wanted[0]) grads[0] = ta_ ? matmul(b, g, tb_, true) : matmul(g, b, false, !tb_);
    if (c.wanted[1]) grads[1] = tb_ ? matmul(g, a, true, ta_) : matmul(a, g, !ta_, false);
    return grads;
  }

 private:
  bool ta_, tb_;
  DerivativeOf before_;
};

class Linear final : public FloatingOp<Linear> {
 public:
  explicit Linear(Activation activation) : activation_(activation) {}
  [[nodiscard]] const char* name() const override { return "linear"; }
  [[nodiscard]] auto attributes() const { return std::tuple(activation_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec> inputs) const override { return first_by_row(inputs.size()); }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs);
    const Shape &x = inputs[0].shape, &w = inputs[1].shape;
    if (x.rank() != 2 || w.rank() != 2 || x[1] != w[1]) {
      throw ShapeError("expected x [B, in], weight [out, in], bias [out]");
    }
    if (inputs.size() > 2 && inputs[2].shape != Shape{w[0]}) {
      throw ShapeError(fmt::format("the bias must be [{}]", w[0]));
    }
    return {{{x[0], w[0]}, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    cpu::gemm<T>(false, true, outputs[0].shape[0], outputs[0].shape[1], inputs[0].shape[1], inputs[0].as<T>(),
                 inputs[1].as<T>(), outputs[0].as<T>(), epilogue_of<T>({}, activation_, inputs));
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    multiply(target, false, true, outputs[0].shape[0], outputs[0].shape[1], inputs[0].shape[1], inputs[0].as<T>(),
             inputs[1].as<T>(), epilogue_of<T>({}, activation_, inputs), outputs[0].as<T>());
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor gz = activation_grad(c.grads[0], c.outputs[0], activation_);
    std::vector<Tensor> grads(c.inputs.size());
    if (c.wanted[0]) grads[0] = matmul(gz, c.inputs[1]);
    if (c.wanted[1]) grads[1] = matmul(gz, c.inputs[0], true, false);
    if (grads.size() > 2 && c.wanted[2]) grads[2] = sum(gz, {0});
    return grads;
  }

 private:
  Activation activation_;
};

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return apply1(std::make_shared<const Matmul>(transpose_a, transpose_b), {a, b});
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  std::vector<Tensor> inputs{x, weight};
  if (bias.defined()) inputs.push_back(bias);
  const auto [inside, after] = split_activation(activation);
  return activate(apply1(std::make_shared<const Linear>(inside), std::move(inputs)), after);
}

}  // namespace kantor
