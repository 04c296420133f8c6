// Pointwise functions. Each op: its function and its derivative.
#include "engine/ops.h"
#include "engine/ops/pointwise_op.h"

namespace kantor {
namespace {

struct Exp {
  static constexpr const char* name = "exp";
  static constexpr double cost = 10;
  function::Exp function;
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor& y, const Tensor& g) const { return g * y; }
};

struct Log {
  static constexpr const char* name = "log";
  static constexpr double cost = 10;
  function::Log function;
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const { return g / x; }
};

struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr double cost = 5;
  function::Sqrt function;
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor& y, const Tensor& g) const { return g / y * 0.5; }
};

struct Square {
  static constexpr const char* name = "square";
  static constexpr double cost = 1;
  function::Square function;
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const { return g * x * 2; }
};

struct Pow {
  static constexpr const char* name = "pow";
  static constexpr double cost = 30;
  function::Pow function;
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const {
    return function.exponent == 0 ? Tensor() : g * pow(x, function.exponent - 1) * function.exponent;
  }
};

struct Abs {
  static constexpr const char* name = "abs";
  static constexpr double cost = 1;
  function::Abs function;
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const { return g * sign(x); }
};

struct Sign {
  static constexpr const char* name = "sign";
  static constexpr double cost = 1;
  function::Sign function;
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor&, const Tensor&) const { return {}; }
};

struct InRange {
  static constexpr const char* name = "in_range";
  static constexpr double cost = 1;
  function::InRange function;
  [[nodiscard]] Tensor vjp(const Tensor&, const Tensor&, const Tensor&) const { return {}; }
};

struct Clamp {
  static constexpr const char* name = "clamp";
  static constexpr double cost = 1;
  function::Clamp function;
  [[nodiscard]] Tensor vjp(const Tensor& x, const Tensor&, const Tensor& g) const {
    return g * unary(InRange{{function.low, function.high}}, x);
  }
};

struct SafeReciprocal {
  static constexpr const char* name = "safe_reciprocal";
  static constexpr double cost = 4;
  function::SafeReciprocal function;
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
  return unary(Pow{{exponent}}, x);
}
Tensor abs(const Tensor& x) {
  return unary(Abs{}, x);
}
Tensor sign(const Tensor& x) {
  return unary(Sign{}, x);
}
Tensor clamp(const Tensor& x, double low, double high) {
  if (!(low <= high)) throw ShapeError("clamp: the lower bound is above the upper one, or one is NaN");
  return unary(Clamp{{low, high}}, x);
}
Tensor safe_reciprocal(const Tensor& x) {
  return unary(SafeReciprocal{}, x);
}

}  // namespace kantor
