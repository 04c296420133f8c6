// Whole training steps as subjects, with gradients that are compared with float64.
#pragma once

#include "bench/harness.h"
#include "bench/training_step.h"
#include "models/files/safetensors.h"

#include <string>

namespace kantor {

/// How far the gradients of a step are from those that the library computes on the CPU in float64 from the step's start
/// (TrainingStep::inputs), divided by the largest one. Where rounding decides whether a ReLU is on, either gradient is
/// right. `step`: "generator" or the critic's constraint.
Accuracy gradient_accuracy(const TensorFile& start, const TensorFile& gradients, const std::string& step);

/// The step, rewritten as in a training. After the timing it goes back to its first weights and is run once more, from
/// gradients that are NaN; that run is compared.
Subject step_subject(const BenchModel& model, const std::string& step, const OptimizerConfig& optimizer, Device device);

}  // namespace kantor
