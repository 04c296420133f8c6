// Activations on the CPU: f, and f' in terms of y = f(x), on spans that are still in cache.
#pragma once

#include "engine/cpu/math.h"
#include "engine/ops.h"

namespace kantor::cpu {

/// f(x) in place. NaN stays NaN.
template <class T>
void activate_run(Activation activation, T* x, int64_t n) {
  using Kind = Activation::Kind;
  const T slope = static_cast<T>(activation.slope);
  const auto each = [x, n](const auto& f) {
    for (int64_t i = 0; i < n; ++i) x[i] = f(x[i]);
  };
  switch (activation.kind) {
    case Kind::identity:
      return;
    case Kind::relu:
      return each([](T v) { return v < T(0) ? T(0) : v; });
    case Kind::leaky_relu:
      return each([slope](T v) { return v < T(0) ? slope * v : v; });
    case Kind::tanh:
      return each([](T v) { return tanh_of(v); });
    case Kind::sigmoid:
      return each([](T v) { return sigmoid_of(v); });
    case Kind::softplus:
      return each([](T v) { return softplus_of(v); });
  }
}

/// g * f'(x) by y.
template <class T>
void activation_grad_run(Activation activation, const T* g, const T* y, T* out, int64_t n) {
  using Kind = Activation::Kind;
  const T slope = static_cast<T>(activation.slope);
  const auto each = [g, y, out, n](const auto& f) {
    for (int64_t i = 0; i < n; ++i) out[i] = f(g[i], y[i]);
  };
  switch (activation.kind) {
    case Kind::identity:
      return each([](T gi, T) { return gi; });
    case Kind::relu:
      return each([](T gi, T yi) { return yi > T(0) ? gi : T(0); });
    case Kind::leaky_relu:
      return each([slope](T gi, T yi) { return yi > T(0) ? gi : slope * gi; });
    case Kind::tanh:
      return each([](T gi, T yi) { return gi * (T(1) - yi * yi); });
    case Kind::sigmoid:
      return each([](T gi, T yi) { return gi * yi * (T(1) - yi); });
    case Kind::softplus:
      return each([](T gi, T yi) { return gi * -expm1_of_negative(-yi); });
  }
}

}  // namespace kantor::cpu
