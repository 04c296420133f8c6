// Gradients of a critic's step for given inputs, by name: what `kantor gradients` writes and the golden tests compare.
#pragma once

#include "models/files/safetensors.h"
#include "models/lipschitz/constraint.h"
#include "models/nn/network.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kantor {

/// Inputs of one critic step in PyTorch's layout, on any device; eps may be undefined where the constraint draws no
/// interpolates, noise (of real's shape) where it is not DRAGAN.
struct GradientRequest {
  Tensor real, fake, eps;
  ConstraintConfig constraint;
  DType dtype = DType::float64;
  Tensor noise = {};
  std::string loss = "wasserstein";
};

/// The file with PyTorch's names (pytorch_name), except where two tensors would get the same name.
TensorFile with_pytorch_names(TensorFile file);

/// Loads every parameter row from tensors "<prefix><layer>.<name>", under PyTorch's names or the golden cases', and the
/// singular vectors "<prefix><layer>.<name>_u" of a spectral parametrization; an orthonormal layer takes the nearest
/// orthonormal weight. Throws FileError for missing tensors, ShapeError for what does not fit.
void load_parameters(Network& network, const TensorFile& file, const std::string& prefix = "");

/// "loss", "wasserstein" (real minus fake), "critic_real", "critic_fake", "grad.<layer>.<name>", and where a penalty
/// is: "penalty", "penalty_at", "input_gradient", "gradient_norm". PyTorch's layout.
TensorFile critic_gradients(const Network& critic, const GradientRequest& request);

/// "sample", "loss" and "grad.<layer>.<name>" of a generator step on `z` [B, ...].
TensorFile generator_gradients(const Network& generator, const Network& critic, const Tensor& z);

}  // namespace kantor
