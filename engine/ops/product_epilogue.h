// What products and convolutions do to their sums: a bias and an activation, or the derivative of the layer before,
// which a rewrite of a recording puts there (recording/rewrites/epilogues.cpp).
#pragma once

#include "engine/op.h"
#include "engine/ops/fused_activation.h"
#include "kernels/epilogue.h"

#include <optional>
#include <span>

namespace kantor {

/// The activation by whose derivative a product is multiplied; input 2 is then the activation's output.
using DerivativeOf = std::optional<Activation>;

/// The epilogue of a forward. Input 2, where there is one, is the activation's output under `before`, else the bias.
template <class T>
Epilogue<T> epilogue_of(const DerivativeOf& before, Activation activation, Inputs inputs) {
  const T* third = inputs.size() > 2 ? inputs[2].as<T>() : nullptr;
  return before ? Epilogue<T>{nullptr, *before, third} : Epilogue<T>{third, activation, nullptr};
}

/// Throws ShapeError unless input 2 has the product's shape, where there is to be one.
inline void require_output_of(const DerivativeOf& before, std::span<const TensorSpec> inputs, const Shape& product) {
  if (before && (inputs.size() != 3 || inputs[2].shape != product)) {
    throw ShapeError("the output of the activation before must have the product's shape, " + to_string(product));
  }
}

}  // namespace kantor
