// An ensemble: many trainings, each in its run folder, dealt to devices.
//
// `train_runs` is the one place that decides how they are done. Small models on GPUs are trained in launches of many
// (models/training/train_together.h), each GPU its share, in this process; every other run is a process of its own, and
// processes go on side by side.
#pragma once

#include "models/training/config.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace kantor {

/// One training of an ensemble. Its folder exists and holds config.toml; `config` may differ from that in what a resume
/// may change (models/training/resume.h).
struct EnsembleRun {
  std::string name;  // of its folder
  std::filesystem::path folder;
  RunConfig config;
};

/// Whether nothing is left to do for a run: it has done its steps or diverged, and `config` changes nothing.
bool has_ended(const EnsembleRun& run);

/// How one run ended.
struct RunEnd {
  const EnsembleRun* run = nullptr;
  std::string device;
  std::string failure;  // empty: it ended well; else what became of it, and `log` holds the end of its output
  std::string log;
  std::string diverged;    // it ended by diverging, and why; that is a result, not a failure
  bool elsewhere = false;  // another process is training it, or has done so meanwhile
  double seconds = 0;
  size_t ended = 0, all = 0;        // runs of this call
  std::optional<double> remaining;  // seconds until all have ended, an estimate
};

/// What is going on; told about five times a second.
struct RunsState {
  struct Running {
    const EnsembleRun* run;
    int64_t step;
  };
  std::vector<Running> running;
  size_t ended = 0, all = 0;
  std::optional<double> remaining;
};

struct TrainRunsOptions {
  std::vector<std::string> devices;  // as find_device takes them, at least one; runs are dealt to them
  size_t jobs = 1;                   // processes side by side, over all devices
  bool together = true;              // small models may share launches, on devices with kernels
  /// The command line of a process that trains one run in its folder, on from its newest checkpoint. Exit code 5 says
  /// that it diverged.
  std::function<std::vector<std::string>(const EnsembleRun& run, const std::string& device)> command;
  std::function<void(const RunEnd&)> on_end = {};
  std::function<void(const RunsState&)> on_tick = {};
  /// Each line of a run's metrics.jsonl as it is written.
  std::function<void(const EnsembleRun& run, const nlohmann::json& line)> on_line = {};
  std::function<bool()> should_stop = [] { return false; };
};

struct TrainRunsResult {
  bool interrupted = false;  // the running ones have written a checkpoint, if they had the time: some 4 seconds
  size_t failed = 0, diverged = 0, elsewhere = 0;
  int failure_code = 0;  // the exit code of the first run that failed, 1 where a signal ended it
};

/// Trains the runs of the list that have not ended. One that fails is told, and the others go on.
TrainRunsResult train_runs(const std::vector<EnsembleRun>& runs, const TrainRunsOptions& options);

}  // namespace kantor
