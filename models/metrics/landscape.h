// The loss as a function of a network's weights: its values around the current ones, and the curvature there.
#pragma once

#include "engine/tensor.h"
#include "models/nn/network.h"

#include <functional>
#include <vector>

namespace kantor {

/// A random direction in the space of the parameters, one tensor a row of the arena: normal, and every filter (the
/// weights of one output unit or channel) scaled to the norm of the network's own (Li et al. 2018, "Visualizing the
/// Loss Landscape of Neural Nets"). Biases and norm scales do not move.
std::vector<Tensor> filter_normalized_direction(const Network& network, uint64_t seed, uint32_t stream);

/// Loss at w + a * first + b * second for each a and b of `steps`, b outermost; `second` may be empty, and then there
/// is one row. The weights are as before at the end, also where `loss` throws.
std::vector<double> loss_on_plane(Network& network, const std::vector<Tensor>& first, const std::vector<Tensor>& second,
                                  const std::vector<double>& steps, const std::function<double()>& loss);

/// The ends of a Hessian's spectrum.
struct Curvature {
  double eigenvalue = 0;           // the largest by magnitude, with its sign: `lowest` or `highest`
  double lowest = 0, highest = 0;  // both ends, as far as the products have shown them
  double residual = 0;             // |H v - eigenvalue v| of the unit vector v that was found, up to rounding
  int iterations = 0;              // products with the Hessian
};

/// The Hessian's largest eigenvalue by power iteration on Hessian-vector products (two passes of grad, no matrix). All
/// its vectors are kept and the eigenvalue is sought in the space that they span (Lanczos 1950): two eigenvalues of one
/// size and opposite sign, which the last vector alone cannot tell apart, are found, and with fewer products.
/// `loss` builds the loss [] from the parameters, recorded. Stops where the residual of either end falls under
/// `tolerance` times that end, or after `most` products. A loss that is linear in the parameters has 0.
Curvature largest_curvature(const std::function<Tensor()>& loss, const std::vector<Tensor>& parameters,
                            double tolerance = 1e-3, int most = 100, uint64_t seed = 0);

}  // namespace kantor
