// Reads a run folder: the run's configuration, its checkpoints, and how far it has got (docs/run-folder.md).
#pragma once

#include "models/files/safetensors.h"
#include "models/training/config.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// "step-0000020", as checkpoints and pictures are named.
std::string step_name(int64_t step);

/// The configuration that a run folder holds. Throws FileError, ConfigError.
RunConfig load_run_config(const std::filesystem::path& folder);

/// The run folders below a folder, in order, or the folder itself where it is one. Throws FileError where there is
/// none.
std::vector<std::filesystem::path> runs_in(const std::filesystem::path& folder);

/// Checkpoints of a folder, oldest first.
std::vector<std::filesystem::path> checkpoints(const std::filesystem::path& folder);

/// The newest readable checkpoint of a folder; nullopt where there is none. Throws FileError where all are damaged.
struct Checkpoint {
  std::filesystem::path path;
  TensorFile file;
  int64_t step = 0;
};
std::optional<Checkpoint> newest_checkpoint(const std::filesystem::path& folder);

/// The step of the newest checkpoint, by its name alone; 0 where there is none.
int64_t steps_recorded(const std::filesystem::path& folder);

/// Whether a folder holds what a new run must not overwrite: a checkpoint, or a step that was measured. A run that
/// failed before its first step leaves neither.
bool holds_run(const std::filesystem::path& folder);

/// Why a run diverged, if it did; and in which step.
struct Divergence {
  int64_t step = 0;
  std::string reason;
};
std::optional<Divergence> divergence_of(const std::filesystem::path& folder);

/// A run that can be continued.
struct StartedRun {
  RunConfig config;
  std::optional<Checkpoint> checkpoint;
  std::optional<Divergence> divergence;
  std::vector<std::string> warnings;  // of a config.toml that does not fit the checkpoint, whose own settings count

  [[nodiscard]] int64_t steps_done() const { return checkpoint ? checkpoint->step : 0; }
};
/// Throws FileError, ConfigError.
StartedRun load_started_run(const std::filesystem::path& folder);

}  // namespace kantor
