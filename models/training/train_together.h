// Runs that are trained at the same time on one device, many models a launch (fused_training.h). Each run has the bits
// that it has alone.
#pragma once

#include "models/training/run.h"

#include <functional>
#include <string>
#include <vector>

namespace kantor {

/// One run, as `train` takes it.
struct TogetherRun {
  RunConfig config;
  RunOptions options;
};

/// How one of them ended.
struct TogetherEnd {
  RunResult result;
  std::string failure;  // why it could not go on; empty: it ended
};

/// Whether a run of this configuration has fused steps on the device. Writes nothing.
bool trains_fused(const RunConfig& config, Device device);

/// Trains them on one device, as many at once as it has blocks for; those whose networks, batch and number of critic
/// steps are alike share launches. `on_end` is told of each run as it ends, in any order. A run that fails is told, and
/// the others go on.
void train_together(const std::vector<TogetherRun>& runs, Device device,
                    const std::function<void(size_t run, const TogetherEnd& end)>& on_end);

}  // namespace kantor
