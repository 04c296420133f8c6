// Pointwise functions. Each op: its Eigen expression and its derivative.
#include "engine/cpu/math.h"
#include "engine/ops.h"
#include "engine/ops/pointwise_op.h"

#include <cmath>
#include <type_traits>

namespace kantor {
namespace {

template <class X>
using ScalarOf = typename std::decay_t<X>::Scalar;

struct Exp {
  static constexpr const char* name = "exp";
  static constexpr double cost = 10;
  [[nodiscard]] function::Exp kernel() const { return {}; }
  auto operator()(const auto& x) const {
    return x.unaryExpr([](auto v) { return cpu::exp_of(v); });
  }
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor& y, const Tensor& g) const { return g * y; }
};

struct Log {
  static constexpr const char* name = "log";
  static constexpr double cost = 10;
  [[nodiscard]] function::Log kernel() const { return {}; }
  auto operator()(const auto& x) const {
    return x.unaryExpr([](auto v) { return cpu::log_of(v); });
  }
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const { return g / x; }
};

struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr double cost = 5;
  [[nodiscard]] function::Sqrt kernel() const { return {}; }
  auto operator()(const auto& x) const {
    return x.unaryExpr([](auto v) { return std::sqrt(v); });  // Eigen's is approximate under AVX-512
  }
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor& y, const Tensor& g) const { return g / y * 0.5; }
};

struct Square {
  static constexpr const char* name = "square";
  static constexpr double cost = 1;
  [[nodiscard]] function::Square kernel() const { return {}; }
  auto operator()(const auto& x) const { return x.square(); }
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const { return g * x * 2; }
};

struct Pow {
  static constexpr const char* name = "pow";
  static constexpr double cost = 30;
  double exponent;
  [[nodiscard]] function::Pow kernel() const { return {exponent}; }
  auto operator()(const auto& x) const {
    using T = ScalarOf<decltype(x)>;
    // In double: an exponent rounded to float32 would cost up to 20 ULP.
    return x.unaryExpr([e = exponent](T v) { return static_cast<T>(std::pow(static_cast<double>(v), e)); });
  }
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const {
    return exponent == 0 ? Tensor() : g * pow(x, exponent - 1) * exponent;
  }
};

struct Abs {
  static constexpr const char* name = "abs";
  static constexpr double cost = 1;
  [[nodiscard]] function::Abs kernel() const { return {}; }
  auto operator()(const auto& x) const { return x.abs(); }
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const { return g * sign(x); }
};

struct Sign {
  static constexpr const char* name = "sign";
  static constexpr double cost = 1;
  [[nodiscard]] function::Sign kernel() const { return {}; }
  auto operator()(const auto& x) const {
    using T = ScalarOf<decltype(x)>;
    return x.unaryExpr([](T v) { return v > 0 ? T(1) : v < 0 ? T(-1) : v * 0; });  // NaN stays NaN
  }
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor&, const Tensor&) const { return {}; }
};

struct InRange {
  static constexpr const char* name = "in_range";
  static constexpr double cost = 1;
  double low, high;
  [[nodiscard]] function::InRange kernel() const { return {low, high}; }
  auto operator()(const auto& x) const {
    using T = ScalarOf<decltype(x)>;
    return (x >= static_cast<T>(low) && x <= static_cast<T>(high)).template cast<T>();
  }
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor&, const Tensor&) const { return {}; }
};

struct Clamp {
  static constexpr const char* name = "clamp";
  static constexpr double cost = 1;
  double low, high;
  [[nodiscard]] function::Clamp kernel() const { return {low, high}; }
  auto operator()(const auto& x) const {
    using T = ScalarOf<decltype(x)>;
    return x.unaryExpr([a = static_cast<T>(low), b = static_cast<T>(high)](T v) {
      v = v > b ? b : v;  // NaN compares false and stays
      return v < a ? a : v;
    });
  }
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const {
    return g * unary(InRange{low, high}, x);
  }
};

struct SafeReciprocal {
  static constexpr const char* name = "safe_reciprocal";
  static constexpr double cost = 4;
  [[nodiscard]] function::SafeReciprocal kernel() const { return {}; }
  auto operator()(const auto& x) const {
    using T = ScalarOf<decltype(x)>;
    return x.unaryExpr([](T v) { return v == 0 ? T(0) : 1 / v; });
  }
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor& y, const Tensor& g) const {
    return -(g * y * y);  // y*y alone overflows for norms of 1e-30
  }
};

}  // namespace

BroadcastShape broadcast_shape(const Shape& a, const Shape& b, const Shape& out) {
  const cpu::BroadcastLoop loop(a, b, out);
  BroadcastShape shape;
  shape.rank = static_cast<int>(loop.extents.size());
  for (size_t axis = 0; axis < loop.extents.size(); ++axis) {
    shape.extents[axis] = loop.extents[axis];
    shape.a_strides[axis] = loop.a_strides[axis];
    shape.b_strides[axis] = loop.b_strides[axis];
  }
  return shape;
}

Tensor exp(const Tensor& x) {
  return unary(Exp{}, x);
}
Tensor log(const Tensor& x) {
  return unary(Log{}, x);
}
Tensor sqrt(const Tensor& x) {
  return unary(Sqrt{}, x);
}
Tensor square(const Tensor& x) {
  return unary(Square{}, x);
}
Tensor pow(const Tensor& x, double exponent) {
  return unary(Pow{exponent}, x);
}
Tensor abs(const Tensor& x) {
  return unary(Abs{}, x);
}
Tensor sign(const Tensor& x) {
  return unary(Sign{}, x);
}
Tensor clamp(const Tensor& x, double low, double high) {
  if (!(low <= high)) throw ShapeError("clamp: the lower bound is above the upper one, or one is NaN");
  return unary(Clamp{low, high}, x);
}
Tensor safe_reciprocal(const Tensor& x) {
  return unary(SafeReciprocal{}, x);
}

}  // namespace kantor
