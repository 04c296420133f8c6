// Parametrizations: the weight that a layer multiplies by, as a differentiable function of the one that is kept and
// trained. A weight is taken as a matrix: rows are its first axis (units, output channels), columns all the others.
#pragma once

#include "engine/ops.h"

namespace kantor {

/// The weight that a layer multiplies by, as a function of the weight W that is trained.
enum class Parametrization : uint8_t {
  none,
  spectral,           // W / sigma_1(W)
  spectral_detached,  // the same, sigma a constant in the gradient
  weight_norm,        // rows of norm 1
  bjorck,             // orthonormal rows, or columns where these are fewer, of any weight
  orthonormal         // the same for a weight that is kept so by Network::retract
};

/// Unit vectors on either side of a weight [O, ...] with D columns; constants for every derivative.
struct SingularPair {
  Tensor u, v;  // [1, O], [1, D]
};
/// v = W^T u / |W^T u| for u [O], which stays as it is.
SingularPair right_singular(const Tensor& weight, const Tensor& u);
/// One power iteration: v as above, then u = W v / |W v| (Miyato et al. 2018, algorithm 1).
SingularPair power_iteration(const Tensor& weight, const Tensor& u);

/// W / sigma with sigma = u^T W v: from a pair that has converged, the weight of spectral norm 1. 0 where sigma is 0.
/// `detached`: sigma counts as a constant in every derivative, as in much existing code; the gradient then has a
/// part along W that W / sigma does not have.
Tensor spectral_normalize(const Tensor& weight, const SingularPair& pair, bool detached = false);

/// w_r / |w_r| for each row (Salimans and Kingma 2016, without their free scale g). A row of zeros stays so.
Tensor weight_normalize(const Tensor& weight);

/// The orthonormal matrix nearest to W [O, D]: `iterations` times W <- (1 + beta) W - beta W W^T W with beta = 0.5
/// (Bjoerck and Bowie 1971; Anil, Lucas and Grosse 2019), from W / s with s^4 the sum of its singular values' fourth
/// powers. None exceeds s, so they rise to 1 from below: after 20 iterations those of 1e-3 s and more are within 1e-4
/// of 1, and smaller ones are still below. Throws ShapeError unless W is a matrix.
Tensor bjorck_orthonormalize(const Tensor& weight, int iterations = 20);

/// One of these iterations, not scaled. At an orthonormal W it changes nothing, and its derivative along D is
/// D - (D W^T + W D^T) W / 2 for a wide W: D projected to the tangent of the orthonormal matrices (Edelman, Arias and
/// Smith 1998, section 2.2.1). A W at distance e moves to distance about e^2.
Tensor orthonormal_step(const Tensor& weight);

}  // namespace kantor
