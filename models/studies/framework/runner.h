// The runner: does the runs of studies, keeps what is finished, and concludes. Those that are small trainings go on in
// launches of many, on devices with kernels (shared_runs.h); every other one is a process, and processes go on side by
// side. A study that was stopped or killed goes on where it was.
//
//   OUT/lock                         held while a runner writes; shards of one call share it
//   OUT/report.lock                  held while one of several shards concludes
//   OUT/<study>/runs/<id>/           settings.json, result.json (written whole), log.txt, pictures
//   OUT/<study>/result.json          findings, verdict, texts
//   OUT/<study>/figures/             SVG and PNG
#pragma once

#include "models/ensemble/shard.h"
#include "models/studies/framework/shared_runs.h"
#include "models/studies/framework/study.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

struct RunnerOptions {
  std::filesystem::path out;
  StudySettings settings;
  std::string device;  // as find_device takes it; a run of another kind of device counts as another run
  std::vector<std::string> devices = {};  // of that kind, to which runs are dealt; empty: `device` alone
  size_t jobs = 1;                        // processes side by side, over all devices
  bool together = true;                   // small trainings may share launches, on devices with kernels
  Shard shard = {};                       // which of the runs of all studies are done; numbered in their order
  /// The command of one run: it must call `execute_run` on that folder and device.
  std::function<std::vector<std::string>(const Study&, const std::filesystem::path& folder, const std::string& device)>
      command;

  struct Progress {
    std::string study, id;
    std::string failure;       // empty: it ended well
    std::string diverged;      // it succeeded with the result that its training diverged, and why
    std::string log;           // of a failed run: the end of its output
    size_t done = 0, all = 0;  // runs of this shard, including those found finished
    double seconds = 0;        // of this run
    double remaining = 0;      // of all, an estimate
    std::string device;        // that it ran on
  };
  std::function<void(const Progress&)> on_run = {};
  std::function<void(const Study&)> on_conclusion = {};  // its result.json is written
  std::function<bool()> should_stop = [] { return false; };
};

struct RunnerResult {
  bool interrupted = false;
  size_t failed = 0;       // runs
  size_t diverged = 0;     // runs with that result, including those found finished
  size_t elsewhere = 0;    // runs that another process is doing, or has done meanwhile
  SharedRuns shared = {};  // those of this call that shared launches
};

/// Throws FileError where the folder cannot be written to, or another runner holds it. Shards write into one folder at
/// the same time, and each concludes from all runs that are there when it ends.
RunnerResult run_studies(const std::vector<const Study*>& studies, const RunnerOptions& options);

/// Does the run whose settings.json lies in `folder`, and writes its result.json; a training that diverges is a result
/// too, left out of the conclusion. Throws FileError for settings that are missing or bad, and what the run throws.
void execute_run(const Study& study, Device device, const std::filesystem::path& folder,
                 Fused fused = Fused::automatic);

/// Concludes without a run, from all that are there; shards may be at work meanwhile.
void conclude_studies(const std::vector<const Study*>& studies, const RunnerOptions& options);

/// Concludes from the finished runs in `out` and writes the study's result.json and figures; returns the result.
nlohmann::json conclude_study(const Study& study, const RunnerOptions& options);

}  // namespace kantor
