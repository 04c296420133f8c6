// Probes: a critic's gradients at given points.
#pragma once

#include "models/nn/network.h"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace kantor {

/// d critic / d x at each row of x, which has x's shape; in evaluation mode.
Tensor input_gradients(const Network& critic, const Tensor& x);

/// L2 norms of d critic / d x at the rows of x.
std::vector<double> gradient_norms(const Network& critic, const Tensor& x);

/// The largest norm at real and generated samples, and at points between, a row each: the K of which an estimate is a
/// multiple. `seed` draws the points between.
double largest_gradient_norm(const Network& critic, const Tensor& real, const Tensor& fake, uint64_t seed);

/// mean D(real) - mean D(fake), in evaluation mode.
double wasserstein_estimate(const Network& critic, const Tensor& real, const Tensor& fake);

/// L2 norms, over both batches of sequences [N, T, D], of the gradient of the critic's loss by the input of each of the
/// T steps.
std::vector<double> step_gradients(const Network& critic, const Tensor& real, const Tensor& fake);

/// L2 norm of the gradient of the critic's loss, mean D(fake) - mean D(real), by each layer's output, as
/// Network::trace lists them. In training mode each batch has its own statistics, as in a critic's update.
std::vector<double> activation_gradients(const Network& critic, const Tensor& real, const Tensor& fake,
                                         Mode mode = Mode::evaluate);

/// For each ReLU or LeakyReLU layer in order, which of its units (the last axis) are above 0 at some row of x.
std::vector<std::vector<bool>> firing_units(const Network& critic, const Tensor& x);

/// A float64 copy of a network on the CPU: float32 underflows where gradients vanish over many layers.
Network in_float64(const Network& network);
/// The same weights in other layers, with parameters and buffers of the same shapes.
Network in_float64(const Network& network, const nlohmann::json& layers);

}  // namespace kantor
