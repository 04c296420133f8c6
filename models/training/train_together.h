// Runs that are trained at the same time on one device, many models a launch (shared_launches.h). Each run has the bits
// that it has alone.
#pragma once

#include "engine/mlp_training.h"
#include "models/training/run.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// The launch that trains a run of this configuration on the device; nullopt where its steps are not fused. Writes
/// nothing.
std::optional<MlpTraining> fused_launch_of(const RunConfig& config, Device device);

/// One run, as `train` takes it, and its launch.
struct TogetherRun {
  RunConfig config;
  RunOptions options;
  MlpTraining launch;
};

/// How one of them ended.
struct TogetherEnd {
  RunResult result;
  std::string failure;  // why it could not go on; empty: it ended
};

/// Trains them on one device, as many at once as it has blocks for; those whose networks, batch and number of critic
/// steps are alike share launches. `on_end` is told of each run as it ends, in any order. A run that fails is told, and
/// the others go on.
void train_together(const std::vector<TogetherRun>& runs, Device device,
                    const std::function<void(size_t run, const TogetherEnd& end)>& on_end);

}  // namespace kantor
