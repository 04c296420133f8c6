// Evaluation: what is measured between steps, under the names of docs/run-folder.md.
#pragma once

#include "models/metrics/wasserstein.h"
#include "models/training/trainer.h"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace kantor {

/// Points that the critic's gradient norms are measured at: 256; fewer of samples above 65,536 numbers, for memory.
int64_t probe_count(const Shape& sample);

/// Measures of the generated samples (plane only): w1, w1_floor, w1_floor_deviation, modes, mode_count, high_quality,
/// reverse_kl. Empty for images.
nlohmann::json evaluate_samples(const Trainer& trainer, const Dataset& data, const W1Floor& floor);

/// The norms of the critic's gradient at points between real and generated samples, as evaluate_critic measures them.
std::vector<double> gradient_norms_between(const Trainer& trainer, const Dataset& data);

/// Measures of the critic: gradient norms on interpolates, real and generated samples, per-layer statistics of the
/// weights and gradients, and the gradient of the loss by each layer's output.
nlohmann::json evaluate_critic(const Trainer& trainer, const Dataset& data);

/// Losses, estimate, penalty and saturation of the last step.
nlohmann::json describe_losses(const Trainer& trainer);

}  // namespace kantor
