// A whole iteration of a training as a subject: the critic's updates and the generator's, samples of the data included,
// recorded as one step or fused, many in one launch.
#pragma once

#include "bench/harness.h"
#include "bench/training_step.h"
#include "models/training/fused_options.h"

#include <optional>
#include <string>

namespace kantor {

/// Of the plane's `mlp:WIDTH:BATCH` under `constraint` ("clip" or "penalty"), five updates of the critic and one of the
/// generator, by `kantor train`'s own trainer; nullopt for other models, and for options that are not possible.
/// The first iteration of a training like it, but by SGD, is compared with the same in float64: "error" is the norm of
/// the weights' difference over the norm of what the iteration changed.
std::optional<Subject> iteration_subject(const BenchModel& model, const std::string& constraint,
                                         const OptimizerConfig& optimizer, Device device, const FusedOptions& options);

}  // namespace kantor
