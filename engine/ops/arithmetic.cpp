// Arithmetic with broadcasting. Each op: its function and its derivatives.
#include "engine/ops.h"
#include "engine/ops/pointwise_op.h"

namespace kantor {
namespace {

/// g times a factor, summed down to the operand's shape; nothing where it is not wanted.
Tensor part(const VjpContext& c, size_t operand, const auto& derivative) {
  return c.wanted[operand] ? sum_to(derivative(), c.inputs[operand].shape()) : Tensor();
}

struct Add {
  static constexpr const char* name = "add";
  static constexpr double cost = 1;
  function::Add function;
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    const auto g = [&] { return c.grads[0]; };
    return {part(c, 0, g), part(c, 1, g)};
  }
};

struct Sub {
  static constexpr const char* name = "sub";
  static constexpr double cost = 1;
  function::Sub function;
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    return {part(c, 0, [&] { return c.grads[0]; }), part(c, 1, [&] { return -c.grads[0]; })};
  }
};

struct Mul {
  static constexpr const char* name = "mul";
  static constexpr double cost = 1;
  function::Mul function;
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    return {part(c, 0, [&] { return c.grads[0] * c.inputs[1]; }), part(c, 1, [&] { return c.grads[0] * c.inputs[0]; })};
  }
};

struct Div {
  static constexpr const char* name = "div";
  static constexpr double cost = 4;
  function::Div function;
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    return {part(c, 0, [&] { return c.grads[0] / c.inputs[1]; }),
            part(c, 1, [&] { return -(c.grads[0] * c.outputs[0]) / c.inputs[1]; })};
  }
};

struct GreaterEqual {
  static constexpr const char* name = "greater_equal";
  static constexpr double cost = 1;
  function::GreaterEqual function;
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext&) const { return {Tensor(), Tensor()}; }
};

struct Maximum {
  static constexpr const char* name = "maximum";
  static constexpr double cost = 1;
  function::Maximum function;
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    const Tensor first = greater_equal(c.inputs[0], c.inputs[1]);
    return {part(c, 0, [&] { return c.grads[0] * first; }),
            part(c, 1, [&] { return c.grads[0] * scale_shift(first, -1, 1); })};
  }
};

struct ScaleShift {
  static constexpr const char* name = "scale_shift";
  static constexpr double cost = 1;
  function::ScaleShift function;
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor&, const Tensor& g) const {
    return scale_shift(g, function.a, 0);
  }
};

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return binary(Add{}, a, b);
}
Tensor sub(const Tensor& a, const Tensor& b) {
  return binary(Sub{}, a, b);
}
Tensor mul(const Tensor& a, const Tensor& b) {
  return binary(Mul{}, a, b);
}
Tensor div(const Tensor& a, const Tensor& b) {
  return binary(Div{}, a, b);
}
Tensor operator/(double a, const Tensor& b) {
  return div(full({}, a, {b.dtype(), b.device()}), b);
}
Tensor maximum(const Tensor& a, const Tensor& b) {
  return binary(Maximum{}, a, b);
}
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return binary(GreaterEqual{}, a, b);
}
Tensor scale_shift(const Tensor& x, double a, double b) {
  return unary(ScaleShift{{a, b}}, x);
}

}  // namespace kantor
