// Derivatives against central differences in float64, in one random direction, so that the cost does not grow with
// size.
#pragma once

#include "engine/random.h"
#include "engine/tensor.h"

#include <functional>
#include <string>
#include <vector>

namespace kantor::testing {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

/// A function with its inputs, and which of them it is differentiated by.
struct Case {
  Function fn;
  std::vector<Tensor> inputs;
  std::vector<bool> differentiable;
};

/// "" if the derivative of <w, fn(x)> along a random direction agrees to rtol 1e-6, atol 1e-8 with central
/// differences of step 1e-5; otherwise what differs.
std::string gradcheck(const Case& c, HostRandom& random);
/// The same for the gradient itself: second derivatives, by the inputs and by the output's weights.
std::string gradgradcheck(const Case& c, HostRandom& random);

/// Values of size 0.3 to 1.5 and random sign: away from kinks at 0 and from poles.
Tensor random_tensor(const Shape& shape, HostRandom& random);

}  // namespace kantor::testing
