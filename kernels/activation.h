// Activation: which activation function a layer has. Plain C++, for kernels and for the engine's users alike.
#pragma once

#include <cstdint>

namespace kantor {

/// An activation f; its derivative is written in terms of y = f(x), so that x need not be kept. The exception is a
/// leaky ReLU of negative slope, which the engine builds from other functions.
struct Activation {
  enum class Kind : uint8_t { identity, relu, leaky_relu, tanh, sigmoid, softplus };
  Kind kind = Kind::identity;
  double slope = 0.2;  // slope of leaky_relu for x < 0
  friend bool operator==(const Activation&, const Activation&) = default;
};

}  // namespace kantor
