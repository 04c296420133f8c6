// Convolution as three ops: the partials of <g, conv2d(x, filter)> by g, x and filter. Each one's derivatives are the
// other two, at every order. Those by g and by x are also layers, and take a bias and an activation in their epilogue.
#include "engine/cpu/conv2d.h"

#include "engine/ops.h"
#include "engine/ops/fused_activation.h"
#include "engine/ops/multiply.h"
#include "engine/ops/pointwise_op.h"
#include "engine/ops/product_epilogue.h"

#include <fmt/format.h>
#include <tuple>
#include <utility>

namespace kantor {
namespace {

/// Extent of the output along one axis. Throws ShapeError where the window does not fit.
int64_t out_extent(int64_t extent, int64_t kernel, ConvParams window) {
  if (kernel < 1 || window.stride < 1 || window.padding < 0) {
    throw ShapeError(fmt::format("kernel {}, stride {}, padding {}: at least 1, 1 and 0 are needed", kernel,
                                 window.stride, window.padding));
  }
  if (kernel > extent + 2 * window.padding) {
    throw ShapeError(fmt::format("a kernel of {} is larger than the image of {} with padding {} on both sides", kernel,
                                 extent, window.padding));
  }
  return (extent + 2 * window.padding - kernel) / window.stride + 1;
}

void require_rank_4(std::span<const TensorSpec> inputs) {
  require_floating(inputs);
  for (const TensorSpec& input : inputs.first(2)) {
    if (input.shape.rank() != 4) throw ShapeError("expected rank 4: images [B, H, W, C], filters [O, kh, kw, C]");
  }
}

ConvShape shape_of(const Shape& x, const Shape& y, int64_t kernel_height, int64_t kernel_width, ConvParams window) {
  return {x[0], x[1], x[2], x[3], y[1], y[2], y[3], kernel_height, kernel_width, window.stride, window.padding};
}

void require_output(const Shape& y, const Shape& x, int64_t kernel_height, int64_t kernel_width, ConvParams window) {
  const int64_t height = out_extent(x[1], kernel_height, window), width = out_extent(x[2], kernel_width, window);
  if (y[1] != height || y[2] != width || y[0] != x[0]) {
    throw ShapeError(fmt::format("the output gradient is {}, a convolution of {} by {}x{} gives [{}, {}, {}, O]",
                                 to_string(y), to_string(x), kernel_height, kernel_width, x[0], height, width));
  }
}

/// Inputs 0 and 1 are the operands, 2 the bias where there is one, or the output of the activation before.
void require_bias(std::span<const TensorSpec> inputs, int64_t channels) {
  if (inputs.size() > 2 && inputs[2].shape != Shape{channels}) {
    throw ShapeError(fmt::format("the bias is {}, [{}] is expected, one element a channel of the output",
                                 to_string(inputs[2].shape), channels));
  }
}
std::vector<Tensor> with_bias(Tensor a, Tensor b, const Tensor& bias) {
  std::vector<Tensor> inputs{std::move(a), std::move(b)};
  if (bias.defined()) inputs.push_back(bias);
  return inputs;
}

class Conv2d final : public FloatingOp<Conv2d> {
 public:
  Conv2d(ConvParams window, Activation activation, DerivativeOf before = {})
      : window_(window), activation_(activation), before_(before) {}
  [[nodiscard]] const char* name() const override { return "conv2d"; }
  [[nodiscard]] auto attributes() const { return std::tuple(window_, activation_, before_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec> inputs) const override {
    return before_ ? Rows{} : first_by_row(inputs.size());
  }
  [[nodiscard]] std::shared_ptr<const Op> times_derivative(Activation of) const override {
    if (before_ || activation_.kind != Activation::Kind::identity) return nullptr;
    return std::make_shared<const Conv2d>(window_, Activation{}, of);
  }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_rank_4(inputs);
    const Shape &x = inputs[0].shape, &f = inputs[1].shape;
    if (x[3] != f[3]) throw ShapeError(fmt::format("{} channels in the images, {} in the filter", x[3], f[3]));
    const Shape y{x[0], out_extent(x[1], f[1], window_), out_extent(x[2], f[2], window_), f[0]};
    require_output_of(before_, inputs, y);
    if (!before_) require_bias(inputs, f[0]);
    return {{y, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const Shape& f = inputs[1].shape;
    cpu::conv2d<T>(shape_of(inputs[0].shape, outputs[0].shape, f[1], f[2], window_), inputs[0].as<T>(),
                   inputs[1].as<T>(), epilogue_of<T>(before_, activation_, inputs), outputs[0].as<T>());
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const Shape& f = inputs[1].shape;
    const ConvShape shape = shape_of(inputs[0].shape, outputs[0].shape, f[1], f[2], window_);
    convolve<T>(
        target, ConvPass::forward, shape,
        {inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>(), epilogue_of<T>(before_, activation_, inputs)});
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    return {activation_grad(conv2d(in[0], in[1], window_), in[2], *before_)};
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    if (before_) return Op::vjp(c);
    const Tensor &x = c.inputs[0], &filter = c.inputs[1];
    const Tensor g = activation_grad(c.grads[0], c.outputs[0], activation_);
    std::vector<Tensor> grads(c.inputs.size());
    if (c.wanted[0]) grads[0] = conv2d_input_grad(g, filter, window_, x.shape()[1], x.shape()[2]);
    if (c.wanted[1]) grads[1] = conv2d_weight_grad(x, g, window_, filter.shape()[1], filter.shape()[2]);
    if (grads.size() > 2 && c.wanted[2]) grads[2] = sum(g, {0, 1, 2});
    return grads;
  }

 private:
  ConvParams window_;
  Activation activation_;
  DerivativeOf before_;
};

class Conv2dInputGrad final : public FloatingOp<Conv2dInputGrad> {
 public:
  Conv2dInputGrad(ConvParams window, int64_t height, int64_t width, Activation activation, DerivativeOf before = {})
      : window_(window), height_(height), width_(width), activation_(activation), before_(before) {}
  [[nodiscard]] const char* name() const override { return "conv2d_input_grad"; }
  [[nodiscard]] auto attributes() const { return std::tuple(window_, height_, width_, activation_, before_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec> inputs) const override {
    return before_ ? Rows{} : first_by_row(inputs.size());
  }
  [[nodiscard]] std::shared_ptr<const Op> times_derivative(Activation of) const override {
    if (before_ || activation_.kind != Activation::Kind::identity) return nullptr;
    return std::make_shared<const Conv2dInputGrad>(window_, height_, width_, Activation{}, of);
  }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_rank_4(inputs);
    const Shape &g = inputs[0].shape, &f = inputs[1].shape;
    if (g[3] != f[0]) throw ShapeError(fmt::format("{} channels in the gradient, {} filters", g[3], f[0]));
    const Shape x{g[0], height_, width_, f[3]};
    require_output(g, x, f[1], f[2], window_);
    require_output_of(before_, inputs, x);
    if (!before_) require_bias(inputs, f[3]);
    return {{x, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    const Shape& f = inputs[1].shape;
    cpu::conv2d_input_grad<T>(shape_of(outputs[0].shape, inputs[0].shape, f[1], f[2], window_), inputs[0].as<T>(),
                              inputs[1].as<T>(), epilogue_of<T>(before_, activation_, inputs), outputs[0].as<T>());
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const Shape& f = inputs[1].shape;
    const ConvShape shape = shape_of(outputs[0].shape, inputs[0].shape, f[1], f[2], window_);
    convolve<T>(
        target, ConvPass::input_grad, shape,
        {outputs[0].as<T>(), inputs[1].as<T>(), inputs[0].as<T>(), epilogue_of<T>(before_, activation_, inputs)});
  }
  [[nodiscard]] std::vector<Tensor> reference(std::span<const Tensor> in) const override {
    return {activation_grad(conv2d_input_grad(in[0], in[1], window_, height_, width_), in[2], *before_)};
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    if (before_) return Op::vjp(c);
    const Tensor &g = c.inputs[0], &filter = c.inputs[1];
    const Tensor seed = activation_grad(c.grads[0], c.outputs[0], activation_);  // it stands in x's place
    std::vector<Tensor> grads(c.inputs.size());
    if (c.wanted[0]) grads[0] = conv2d(seed, filter, window_);
    if (c.wanted[1]) grads[1] = conv2d_weight_grad(seed, g, window_, filter.shape()[1], filter.shape()[2]);
    if (grads.size() > 2 && c.wanted[2]) grads[2] = sum(seed, {0, 1, 2});
    return grads;
  }

 private:
  ConvParams window_;
  int64_t height_, width_;
  Activation activation_;
  DerivativeOf before_;
};

class Conv2dWeightGrad final : public FloatingOp<Conv2dWeightGrad> {
 public:
  Conv2dWeightGrad(ConvParams window, int64_t kernel_height, int64_t kernel_width)
      : window_(window), kernel_height_(kernel_height), kernel_width_(kernel_width) {}
  [[nodiscard]] const char* name() const override { return "conv2d_weight_grad"; }
  [[nodiscard]] auto attributes() const { return std::tuple(window_, kernel_height_, kernel_width_); }
  [[nodiscard]] Rows rows(std::span<const TensorSpec>) const override { return {Rows::Use::summed, {true, true}}; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_rank_4(inputs);
    const Shape &x = inputs[0].shape, &g = inputs[1].shape;
    require_output(g, x, kernel_height_, kernel_width_, window_);
    return {{{g[3], kernel_height_, kernel_width_, x[3]}, inputs[0].dtype}};
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    cpu::conv2d_weight_grad<T>(shape_of(inputs[0].shape, inputs[1].shape, kernel_height_, kernel_width_, window_),
                               inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>());
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    const ConvShape shape = shape_of(inputs[0].shape, inputs[1].shape, kernel_height_, kernel_width_, window_);
    convolve<T>(target, ConvPass::weight_grad, shape, {inputs[0].as<T>(), outputs[0].as<T>(), inputs[1].as<T>()});
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const override {
    const Tensor &x = c.inputs[0], &g = c.inputs[1], &seed = c.grads[0];  // the seed stands in the filter's place
    return {c.wanted[0] ? conv2d_input_grad(g, seed, window_, x.shape()[1], x.shape()[2]) : Tensor(),
            c.wanted[1] ? conv2d(x, seed, window_) : Tensor()};
  }

 private:
  ConvParams window_;
  int64_t kernel_height_, kernel_width_;
};

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& filter, ConvParams window, const Tensor& bias, Activation activation) {
  const auto [inside, after] = split_activation(activation);
  return activate(apply1(std::make_shared<const Conv2d>(window, inside), with_bias(x, filter, bias)), after);
}

Tensor conv2d_input_grad(const Tensor& g, const Tensor& filter, ConvParams window, int64_t height, int64_t width,
                         const Tensor& bias, Activation activation) {
  const auto [inside, after] = split_activation(activation);
  auto op = std::make_shared<const Conv2dInputGrad>(window, height, width, inside);
  return activate(apply1(std::move(op), with_bias(g, filter, bias)), after);
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& g, ConvParams window, int64_t kernel_height,
                          int64_t kernel_width) {
  return apply1(std::make_shared<const Conv2dWeightGrad>(window, kernel_height, kernel_width), {x, g});
}

}  // namespace kantor
