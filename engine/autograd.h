// Reverse-mode differentiation of any order, as a function of tensors: nothing is stored in the tensors themselves.
#pragma once

#include "engine/tensor.h"

#include <vector>

namespace kantor {

/// What `grad` is asked for besides its tensors.
struct GradOptions {
  /// Keep the graph of the derivatives, so that the result can be differentiated again.
  bool create_graph = false;
  /// d loss / d y, of y's shape, type and device; undefined means ones, and then y must have size 1.
  Tensor seed = {};
};

/// d y / d x for each x. An x that y does not depend on, or whose derivative vanishes everywhere (ReLU's second), gives
/// an undefined tensor: zero, without the memory or the products. Throws ShapeError for a y of several elements without
/// a seed, for a seed of another shape, type or device, and VersionError if a value that an op on the way read or made
/// was overwritten since.
std::vector<Tensor> grad(const Tensor& y, const std::vector<Tensor>& xs, GradOptions options = {});

/// x as a node of its own (no launch), at which partial derivatives stop: for the inputs of `apply`.
Tensor alias(const Tensor& x);

/// `g` itself, or zeros like `x` where `g` is undefined.
Tensor or_zeros(const Tensor& g, const Tensor& x);

}  // namespace kantor
