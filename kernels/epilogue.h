// Epilogue: what a product does to its sums while they are in registers, or in cache on the CPU.
#pragma once

#include "kernels/function.h"

#include <cstdint>

namespace kantor {

/// f(sum + bias[channel]), bias null for none. Or, where `output` is given, sum f'(x) with f(x) = output[place]: the
/// derivative of the layer before. `output` has the product's layout, and may be where the product is written.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  Activation activation = {};
  const T* output = nullptr;

  KANTOR_FUNCTION T operator()(int64_t channel, int64_t place, T sum) const {
    if (output != nullptr) return function::ActivationGrad{activation}(sum, output[place]);
    return function::Activate{activation}(bias != nullptr ? sum + bias[channel] : sum);
  }
  /// Whether it leaves the sums as they are.
  [[nodiscard]] bool empty() const {
    return bias == nullptr && output == nullptr && activation.kind == Activation::Kind::identity;
  }
};

}  // namespace kantor
