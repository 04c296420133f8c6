// Functions of one and two elements, as objects that kernels apply. Plain C++: the engine names them, the .cu files
// instantiate them. NaN comes through all of them.
#pragma once

#include <cstdint>
#include <math.h>

#ifdef __CUDACC__
#define KANTOR_FUNCTION __host__ __device__
#else
#define KANTOR_FUNCTION
#endif

namespace kantor {

/// An activation f; its derivative is written in terms of y = f(x), so that x need not be kept. Not so for a leaky ReLU
/// of negative slope, which the engine makes of other functions.
struct Activation {
  enum class Kind : uint8_t { identity, relu, leaky_relu, tanh, sigmoid, softplus };
  Kind kind = Kind::identity;
  double slope = 0.2;  // of leaky_relu, for x < 0
  friend bool operator==(const Activation&, const Activation&) = default;
};

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

struct Affine {
  double a, b;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return T(a) * x + T(b);
  }
};
struct Exp {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return exp(x);
  }
};
struct Log {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return log(x);
  }
};
struct Sqrt {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return sqrt(x);
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
    return T(pow(double(x), exponent));
  }
};
struct Abs {
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    return fabs(x);
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

struct Activate {
  Activation activation;
  template <class T>
  KANTOR_FUNCTION T operator()(T x) const {
    using Kind = Activation::Kind;
    switch (activation.kind) {
      case Kind::identity:
        return x;
      case Kind::relu:
        return x < 0 ? T(0) : x;
      case Kind::leaky_relu:
        return x < 0 ? T(activation.slope) * x : x;
      case Kind::tanh:
        return tanh(x);
      case Kind::sigmoid: {
        const T e = exp(x < 0 ? x : -x);  // of -|x|: never overflows
        return (x < 0 ? e : T(1)) / (T(1) + e);
      }
      case Kind::softplus:
        return (x < 0 ? T(0) : x) + log1p(exp(x < 0 ? x : -x));
    }
    return x;
  }
};
/// g f'(x), from y = f(x).
struct ActivationGrad {
  Activation activation;
  template <class T>
  KANTOR_FUNCTION T operator()(T g, T y) const {
    using Kind = Activation::Kind;
    switch (activation.kind) {
      case Kind::identity:
        return g;
      case Kind::relu:
        return y > 0 ? g : T(0);
      case Kind::leaky_relu:
        return y > 0 ? g : T(activation.slope) * g;
      case Kind::tanh:
        return g * (T(1) - y * y);
      case Kind::sigmoid:
        return g * y * (T(1) - y);
      case Kind::softplus:
        return g * -expm1(-y);
    }
    return g;
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
}  // namespace kantor
