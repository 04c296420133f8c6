// Reverse-mode differentiation of any order, as a function of tensors: nothing is stored in the tensors themselves.
#pragma once

#include "engine/tensor.h"

#include <vector>

namespace kantor {

struct GradOptions {
  /// Keep recording while the derivatives run, so that the result can be differentiated again.
  bool create_graph = false;
  /// d loss / d y, of y's shape, type and device; undefined means ones, and then y must have size 1.
  Tensor seed = {};
};

/// d y / d x for each x. An x that y does not depend on, or whose derivative vanishes everywhere (ReLU's second), gives
/// an undefined tensor: zero, without the memory or the products. Throws ShapeError for a y of several elements without
/// a seed, for a seed of another shape, type or device, and VersionError where what an op on the way has read or made
/// was overwritten since.
std::vector<Tensor> grad(const Tensor& y, const std::vector<Tensor>& xs, GradOptions options = {});

/// Inputs of `apply` become nodes of their own (no launch), so that partial derivatives stop there.
Tensor alias(const Tensor& x);

/// a + b of two gradients of one value.
Tensor accumulate(const Tensor& a, const Tensor& b);

/// `g` itself, or zeros like `x` where `g` is undefined.
Tensor or_zeros(const Tensor& g, const Tensor& x);

}  // namespace kantor
