// Arithmetic with broadcasting. Each op: its Eigen expression and its derivatives.
#include "engine/ops.h"
#include "engine/ops/pointwise_op.h"

#include <type_traits>

namespace kantor {
namespace {

/// g times a factor, summed down to the operand's shape; nothing where it is not wanted.
Tensor part(const VjpContext& c, size_t operand, const auto& derivative) {
  return c.wanted[operand] ? sum_to(derivative(), c.inputs[operand].shape()) : Tensor();
}

struct Add {
  static constexpr const char* name = "add";
  static constexpr double cost = 1;
  [[nodiscard]] function::Add kernel() const { return {}; }
  auto operator()(const auto& a, const auto& b) const { return a + b; }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    const auto g = [&] { return c.grads[0]; };
    return {part(c, 0, g), part(c, 1, g)};
  }
};

struct Sub {
  static constexpr const char* name = "sub";
  static constexpr double cost = 1;
  [[nodiscard]] function::Sub kernel() const { return {}; }
  auto operator()(const auto& a, const auto& b) const { return a - b; }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    return {part(c, 0, [&] { return c.grads[0]; }), part(c, 1, [&] { return -c.grads[0]; })};
  }
};

struct Mul {
  static constexpr const char* name = "mul";
  static constexpr double cost = 1;
  [[nodiscard]] function::Mul kernel() const { return {}; }
  auto operator()(const auto& a, const auto& b) const { return a * b; }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    return {part(c, 0, [&] { return c.grads[0] * c.inputs[1]; }), part(c, 1, [&] { return c.grads[0] * c.inputs[0]; })};
  }
};

struct Div {
  static constexpr const char* name = "div";
  static constexpr double cost = 4;
  [[nodiscard]] function::Div kernel() const { return {}; }
  auto operator()(const auto& a, const auto& b) const { return a / b; }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    return {part(c, 0, [&] { return c.grads[0] / c.inputs[1]; }),
            part(c, 1, [&] { return -(c.grads[0] * c.outputs[0]) / c.inputs[1]; })};
  }
};

struct GreaterEqual {
  static constexpr const char* name = "greater_equal";
  static constexpr double cost = 1;
  [[nodiscard]] function::GreaterEqual kernel() const { return {}; }
  auto operator()(const auto& a, const auto& b) const {
    using T = typename std::decay_t<decltype(a)>::Scalar;
    return (a >= b).template cast<T>();
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext&) const { return {Tensor(), Tensor()}; }
};

struct Maximum {
  static constexpr const char* name = "maximum";
  static constexpr double cost = 1;
  [[nodiscard]] function::Maximum kernel() const { return {}; }
  auto operator()(const auto& a, const auto& b) const {
    using T = typename std::decay_t<decltype(a)>::Scalar;
    return a.binaryExpr(b, [](T u, T v) { return u > v || u != u ? u : v; });  // a NaN on either side comes through
  }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& c) const {
    const Tensor first = greater_equal(c.inputs[0], c.inputs[1]);
    return {part(c, 0, [&] { return c.grads[0] * first; }),
            part(c, 1, [&] { return c.grads[0] * affine(first, -1, 1); })};
  }
};

struct Affine {
  static constexpr const char* name = "affine";
  static constexpr double cost = 1;
  double a, b;
  [[nodiscard]] function::Affine kernel() const { return {a, b}; }
  auto operator()(const auto& x) const {
    using T = typename std::decay_t<decltype(x)>::Scalar;
    return static_cast<T>(a) * x + static_cast<T>(b);
  }
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor&, const Tensor& g) const { return affine(g, a, 0); }
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
Tensor maximum(const Tensor& a, const Tensor& b) {
  return binary(Maximum{}, a, b);
}
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return binary(GreaterEqual{}, a, b);
}
Tensor affine(const Tensor& x, double a, double b) {
  return unary(Affine{a, b}, x);
}

}  // namespace kantor
