// Activations on the CPU: f, and f' in terms of y = f(x), on spans that are still in cache.
#pragma once

#include "engine/ops.h"

#include <Eigen/Core>

namespace kantor::cpu {

/// f(x) in place. NaN stays NaN.
template <class T>
void activate_run(Activation activation, T* x, int64_t n) {
  using Kind = Activation::Kind;
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> a(x, n);
  const T slope = static_cast<T>(activation.slope);
  switch (activation.kind) {
    case Kind::identity:
      break;
    case Kind::relu:
      for (int64_t i = 0; i < n; ++i) x[i] = x[i] < T(0) ? T(0) : x[i];
      break;
    case Kind::leaky_relu:
      for (int64_t i = 0; i < n; ++i) x[i] = x[i] < T(0) ? slope * x[i] : x[i];
      break;
    case Kind::tanh:
      a = a.tanh();
      break;
    // Eigen's logistic is off by thousands of ULP in its tails; this one is a division of an exponential.
    case Kind::sigmoid:
      a = T(1) / (T(1) + (-a).exp());
      break;
    case Kind::softplus:
      a = a.unaryExpr([](T v) { return v < T(0) ? T(0) : v; }) + (-a.abs()).exp().log1p();
      break;
  }
}

/// g * f'(x) by y.
template <class T>
void activation_grad_run(Activation activation, const T* g, const T* y, T* out, int64_t n) {
  using Kind = Activation::Kind;
  const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> gs(g, n), ys(y, n);
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> o(out, n);
  switch (activation.kind) {
    case Kind::identity:
      o = gs;
      break;
    case Kind::relu:
      for (int64_t i = 0; i < n; ++i) out[i] = y[i] > T(0) ? g[i] : T(0);
      break;
    case Kind::leaky_relu:
      for (int64_t i = 0; i < n; ++i) out[i] = y[i] > T(0) ? g[i] : static_cast<T>(activation.slope) * g[i];
      break;
    case Kind::tanh:
      o = gs * (T(1) - ys * ys);
      break;
    case Kind::sigmoid:
      o = gs * ys * (T(1) - ys);
      break;
    case Kind::softplus:
      o = gs * -(-ys).expm1();
      break;
  }
}

}  // namespace kantor::cpu
