// Activations on the CPU, on spans that are still in cache.
#pragma once

#include "kernels/function.h"

#include <cstdint>

namespace kantor::cpu {

/// f(x) in place.
template <class T>
void activate_run(Activation activation, T* x, int64_t n) {
  if (activation.kind == Activation::Kind::identity) return;
  function::with_activation(activation, [x, n](auto f) {
    for (int64_t i = 0; i < n; ++i) x[i] = f(x[i]);
  });
}

/// g f'(x) from y = f(x).
template <class T>
void activation_grad_run(Activation activation, const T* g, const T* y, T* out, int64_t n) {
  function::with_activation(activation, [g, y, out, n](auto f) {
    for (int64_t i = 0; i < n; ++i) out[i] = f.grad(g[i], y[i]);
  });
}

}  // namespace kantor::cpu
