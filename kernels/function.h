// Functions of one and two elements, as objects: the one definition that kernels, the simulator and the CPU code apply.
// All of them propagate NaN. A new function is a struct here and a line in the list at the end;
// engine/ops/pointwise.cpp makes an op of it.
#pragma once

#include "kernels/activation.h"
#include "kernels/math.h"

#include <math.h>

namespace kantor {

namespace function {

struct Add {
  template <class T>
  KANTOR_FUNCTION T operator()(T a, T b) const {
    return a + b;
  }
};
struct Sub {
  template <class T>
  KANTOR_FUNCTION T operator()(T a, T b) const {
    return a - b;
  }
};
struct Mul {
  template <class T>
  KANTOR_FUNCTION T operator()(T a, T b) const {
    return a * b;
  }
};
struct Div {
  template <class T>
  KANTOR_FUNCTION T operator()(T a, T b) const {
    return a / b;
  }
};
struct Maximum {
  template <class T>
  KANTOR_FUNCTION T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct GreaterEqual {
  template <class T>
  KANTOR_FUNCTION T operator()(T a, T b) const {
    return a >= b ? T(1) : T(0);
  }
};

struct ScaleShift {
  double a, b;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return T(a) * x + T(b);
  }
};
struct Exp {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return exp_of(x);
  }
};
struct Log {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return log_of(x);
  }
};
struct Sqrt {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return ::sqrt(x);
  }
};
struct Square {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x * x;
  }
};
/// In double: an exponent rounded to float32 would cost up to 20 ULP.
struct Pow {
  double exponent;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return T(::pow(double(x), exponent));
  }
};
struct Abs {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return ::fabs(x);
  }
};
struct Sign {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x > 0 ? T(1) : x < 0 ? T(-1) : x * 0;
  }
};
struct InRange {
  double low, high;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x >= T(low) && x <= T(high) ? T(1) : T(0);
  }
};
struct Clamp {
  double low, high;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    x = x > T(high) ? T(high) : x;  // NaN compares false and stays, which fminf and fmaxf would not promise
    return x < T(low) ? T(low) : x;
  }
};
struct SafeReciprocal {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x == 0 ? T(0) : T(1) / x;
  }
};

// Activations: f(x), and g f'(x) from y = f(x).
struct Identity {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x;
  }
  template <class T>
  KANTOR_FUNCTION T grad(T g, T) const {
    return g;
  }
};
struct Relu {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x < 0 ? T(0) : x;
  }
  template <class T>
  KANTOR_FUNCTION T grad(T g, T y) const {
    return y > 0 ? g : T(0);
  }
};
struct LeakyRelu {
  double slope;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return x < 0 ? T(slope) * x : x;
  }
  template <class T>
  KANTOR_FUNCTION T grad(T g, T y) const {
    return y > 0 ? g : T(slope) * g;
  }
};
struct Tanh {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return tanh_of(x);
  }
  template <class T>
  KANTOR_FUNCTION T grad(T g, T y) const {
    return g * (T(1) - y * y);
  }
};
struct Sigmoid {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return sigmoid_of(x);
  }
  template <class T>
  KANTOR_FUNCTION T grad(T g, T y) const {
    return g * y * (T(1) - y);
  }
};
struct Softplus {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return softplus_of(x);
  }
  template <class T>
  KANTOR_FUNCTION T grad(T g, T y) const {
    return g * -expm1_of_negative(-y);
  }
};

/// Calls use(f) with the activation's function, so that a loop inside `use` has no switch in it.
template <class Use>
KANTOR_FUNCTION auto with_activation(Activation activation, const Use& use) {
  switch (activation.kind) {
    case Activation::Kind::relu:
      return use(Relu{});
    case Activation::Kind::leaky_relu:
      return use(LeakyRelu{activation.slope});
    case Activation::Kind::tanh:
      return use(Tanh{});
    case Activation::Kind::sigmoid:
      return use(Sigmoid{});
    case Activation::Kind::softplus:
      return use(Softplus{});
    default:
      return use(Identity{});
  }
}

struct Activate {
  Activation activation;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return with_activation(activation, [x](auto f) { return f(x); });
  }
};
/// g f'(x), from y = f(x).
struct ActivationGrad {
  Activation activation;
  template <class T>
  KANTOR_FUNCTION T operator()(T g, T y) const {
    return with_activation(activation, [g, y](auto f) { return f.grad(g, y); });
  }
};
/// f(x + bias).
struct BiasActivate {
  Activation activation;
  template <class T>
  KANTOR_FUNCTION T operator()(T x, T bias) const {
    return Activate{activation}(x + bias);
  }
};

}  // namespace function

/// Every function of one element, and of two: kernels/pointwise.cu compiles its kernels for each.
#define KANTOR_UNARY_FUNCTIONS(X) \
  X(ScaleShift) X(Exp) X(Log) X(Sqrt) X(Square) X(Pow) X(Abs) X(Sign) X(InRange) X(Clamp) X(SafeReciprocal) X(Activate)
#define KANTOR_BINARY_FUNCTIONS(X) \
  X(Add) X(Sub) X(Mul) X(Div) X(Maximum) X(GreaterEqual) X(ActivationGrad) X(BiasActivate)

}  // namespace kantor
