// Run: one training in its folder, from the first step to the report's data: metrics, pictures, checkpoints, resume.
// docs/run-folder.md is the contract.
#pragma once

#include "models/training/config.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace kantor {

struct RunOptions {
  std::filesystem::path folder;
  Device device = {};
  bool capture = true;
  bool resume = false;                                       // from the folder's newest checkpoint
  std::function<void(const nlohmann::json&)> on_line = {};   // each line of metrics.jsonl, "steps" added
  std::function<void(const std::string&)> on_message = {};   // warnings, and where a run resumes
  std::function<bool()> should_stop = [] { return false; };  // asked after every step
};

struct RunResult {
  bool interrupted = false;  // stopped by should_stop; the checkpoint of that step is written
  int64_t steps = 0;
};

/// Trains. Throws ConfigError, FileError (a folder that holds a run, or that another process writes to),
/// NonFiniteError, DeviceError.
RunResult train(const RunConfig& config, const RunOptions& options);

/// The configuration that a run folder holds. Throws FileError.
RunConfig load_run_config(const std::filesystem::path& folder);

/// The newest readable checkpoint of a folder; nullopt where there is none.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& folder);

}  // namespace kantor
