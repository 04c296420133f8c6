// Run: one training in its folder, from the first step to the report's data: metrics, pictures, checkpoints, resume.
// docs/run-folder.md is the contract.
#pragma once

#include "models/training/config.h"
#include "models/training/fused_options.h"
#include "models/training/run_folder.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kantor {

/// Folder and device of a run, and what it calls while it trains.
struct RunOptions {
  std::filesystem::path folder;
  Device device = {};
  bool capture = true;
  Fused fused = Fused::automatic;
  bool resume = false;                                       // from the folder's newest checkpoint
  std::function<void(const nlohmann::json&)> on_line = {};   // each line of metrics.jsonl, "steps" added
  std::function<void(const std::string&)> on_message = {};   // warnings, and where a run resumes
  std::function<bool()> should_stop = [] { return false; };  // asked after every step
};

/// How a run ended.
struct RunResult {
  bool interrupted = false;  // stopped by should_stop; the checkpoint of that step is written
  int64_t steps = 0;
  std::string diverged;  // why the run ended before its last step; empty where it did not diverge
};

/// Throws if a training of one of these configurations cannot begin: ConfigError, FileError, DeviceError. Writes
/// nothing. Opens each data set once, however many train on it.
void check_runs(const std::vector<RunConfig>& configs, Device device);

/// Trains. Everything is checked before anything is written; a resumed run may differ from its folder's configuration
/// in what changes_on_resume allows. Divergence is a result: the last line of metrics.jsonl says so. Throws
/// ConfigError, FileError (a folder that holds a run, or that another process writes to), DeviceError.
RunResult train(const RunConfig& config, const RunOptions& options);

}  // namespace kantor
