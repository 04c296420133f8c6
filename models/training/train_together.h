// Runs that are trained at the same time on one device, many models a launch (shared_launches.h). Each run has the bits
// that it has alone.
#pragma once

#include "engine/mlp_training.h"
#include "models/training/run.h"
#include "models/training/shared_launches.h"

#include <functional>
#include <optional>
#include <string>

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

/// The run as one of those that share launches. `on_end` is told how it ended, also where it failed.
LaunchEntry together_entry(TogetherRun run, std::function<void(const TogetherEnd& end)> on_end);

}  // namespace kantor
