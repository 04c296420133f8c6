// Shared runs: runs of studies that are trained in this process, many models a launch, on devices with kernels
// (models/training/shared_launches.h).
#pragma once

#include "models/studies/framework/study.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kantor {

/// A run that is to be done.
struct StudyTask {
  const Study* study;
  StudyRun run;
  std::filesystem::path folder;
};

/// A run that has been done: its result is written.
struct SharedEnd {
  size_t task = 0;  // its place in the list
  std::string device;
  double seconds = 0;    // its share
  double remaining = 0;  // of all that share launches, an estimate
};

struct SharedOptions {
  std::vector<std::string> devices;  // as find_device takes them; runs are dealt to those with kernels
  std::function<void(const SharedEnd&)> on_end;
  std::function<bool()> should_stop;
};

struct SharedRuns {
  size_t runs = 0;  // that were to share launches
  int64_t launches = 0;
};

/// Does the tasks that are one training with fused steps each (Study::curve_run), if there are two or more. The others,
/// those that fail, and those whose folder another process holds, are left as they were. Calls the functions of
/// `options` from one thread at a time.
SharedRuns share_runs(const std::vector<StudyTask>& tasks, const SharedOptions& options);

}  // namespace kantor
