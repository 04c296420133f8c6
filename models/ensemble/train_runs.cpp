#include "models/ensemble/train_runs.h"

#include "models/ensemble/metrics_watch.h"
#include "models/ensemble/side_by_side.h"
#include "models/files/folder_lock.h"
#include "models/training/resume.h"
#include "models/training/run_folder.h"
#include "models/training/train_together.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double checkpoint_seconds = 4;  // that a stopped run has for its checkpoint
constexpr int diverged_code = 5;          // the program's exit code (tools/commands.h)

/// The processes of one call.
class Processes {
 public:
  Processes(const std::vector<EnsembleRun>& runs, const TrainRunsOptions& options) : options_(options) {
    for (const EnsembleRun& run : runs) {
      if (!has_ended(run)) runs_.push_back(&run);
    }
  }

  TrainRunsResult go() {
    std::vector<fs::path> folders;
    for (const EnsembleRun* run : runs_) folders.push_back(run->folder);
    SideBySideOptions options;
    options.devices = options_.devices;
    options.jobs = options_.jobs;
    options.grace = checkpoint_seconds;
    options.command = [this](size_t job, const std::string& device) { return command_of(job, device); };
    options.fraction = [this](size_t job) { return fraction(job); };
    options.on_end = [this](const JobEnd& end) { take(end); };
    options.on_tick = [this] { tick(); };
    options.should_stop = options_.should_stop;
    SideBySide jobs(std::move(folders), std::move(options));
    jobs_ = &jobs;
    result_.interrupted = !jobs.go();
    return result_;
  }

 private:
  std::optional<std::vector<std::string>> command_of(size_t job, const std::string& device) {
    const EnsembleRun& run = *runs_[job];
    if (has_ended(run)) return std::nullopt;  // by another process, since the list was made
    const int64_t step = steps_recorded(run.folder);
    watches_.insert_or_assign(job, Watched{MetricsWatch(run.folder, step > 0 ? step : -1), step});
    return options_.command(run, device);
  }

  /// Reads what a run has written since.
  void watch(size_t job) {
    Watched& watched = watches_.at(job);
    for (const json& line : watched.metrics.poll()) {
      if (options_.on_line) options_.on_line(*runs_[job], line);
    }
  }

  [[nodiscard]] double fraction(size_t job) const {
    const Watched& watched = watches_.at(job);
    const int64_t steps = runs_[job]->config.steps - watched.first;
    if (steps <= 0) return 0;
    return std::clamp(static_cast<double>(watched.metrics.step() - watched.first) / static_cast<double>(steps), 0.0,
                      1.0);
  }

  void take(const JobEnd& job) {
    const EnsembleRun& run = *runs_[job.job];
    ++ended_;
    RunEnd end;
    end.run = &run;
    end.device = job.device;
    end.seconds = job.seconds;
    end.elsewhere = job.elsewhere;
    if (job.elsewhere) {
      ++result_.elsewhere;
    } else {
      watch(job.job);
      judge(job, end);
      watches_.erase(job.job);
    }
    end.ended = ended_;
    end.all = runs_.size();
    end.remaining = jobs_->state().remaining;
    if (options_.on_end) options_.on_end(end);
  }

  void judge(const JobEnd& job, RunEnd& end) {
    const fs::path& folder = end.run->folder;
    if (job.code == diverged_code) {
      const auto divergence = divergence_of(folder);
      end.diverged = divergence ? divergence->reason : "it diverged";
      ++result_.diverged;
      return;
    }
    end.failure = job.failure;
    const bool ended = has_ended(*end.run);
    if (end.failure.empty() && !ended) end.failure = "it ended before its last step";
    if (end.failure.empty()) return;
    if (ended || is_locked(folder)) {  // another process was a moment faster
      end.failure.clear();
      end.elsewhere = true;
      ++result_.elsewhere;
      return;
    }
    end.log = log_tail(folder);
    if (result_.failed++ == 0) result_.failure_code = job.code > 0 && job.code < 128 ? job.code : 1;
  }

  void tick() {
    const JobsState jobs = jobs_->state();
    RunsState now;
    for (const size_t job : jobs.running) {
      watch(job);
      now.running.push_back({runs_[job], watches_.at(job).metrics.step()});
    }
    now.ended = ended_;
    now.all = runs_.size();
    now.remaining = jobs.remaining;
    if (options_.on_tick) options_.on_tick(now);
  }

  struct Watched {
    MetricsWatch metrics;
    int64_t first;  // step at which this call went on
  };

  const TrainRunsOptions& options_;
  std::vector<const EnsembleRun*> runs_;  // that have not ended
  std::map<size_t, Watched> watches_;     // of the running ones
  SideBySide* jobs_ = nullptr;
  TrainRunsResult result_;
  size_t ended_ = 0;
};

/// The runs that devices with kernels train in launches of many: each device its own, on a thread of its own.
class Launches {
 public:
  Launches(const std::vector<EnsembleRun>& runs, const TrainRunsOptions& options)
      : options_(options), lanes_(launch_lanes(options.devices)) {
    if (lanes_.empty()) return;
    for (const EnsembleRun& run : runs) {
      LaunchLane& lane = lanes_[all_ % lanes_.size()];
      if (has_ended(run)) continue;
      const std::optional<MlpTraining> launch = fused_launch_of(run.config, lane.device);
      if (!launch) continue;
      const auto on_end = [this, &run, device = lane.name](const TogetherEnd& end) {
        const std::lock_guard lock(mutex_);
        take(run, device, end);
      };
      lane.entries.push_back(together_entry({run.config, options_of(run, lane.device), *launch}, on_end));
      all_steps_ += run.config.steps;
      ++all_;
    }
    if (all_ < 2) lanes_.clear();
  }

  TrainRunsResult go() {
    share_launches(lanes_);
    result_.interrupted = !lanes_.empty() && options_.should_stop();
    return result_;
  }

 private:
  RunOptions options_of(const EnsembleRun& run, Device device) {
    RunOptions options;
    options.folder = run.folder;
    options.device = device;
    options.resume = true;
    options.fused = Fused::on;
    options.on_line = [this, &run](const json& line) {
      const std::lock_guard lock(mutex_);
      steps_[&run] = line["step"].get<int64_t>();
      if (options_.on_line) options_.on_line(run, line);
      tick();
    };
    options.on_message = [&run](const std::string& text) {
      std::ofstream(run.folder / "log.txt", std::ios::app) << text << '\n';
    };
    options.should_stop = [this] {
      const std::lock_guard lock(mutex_);
      return options_.should_stop();
    };
    return options;
  }

  /// A run that failed is left to a process of its own, which tells why, and so is one that another process holds.
  void take(const EnsembleRun& run, const std::string& device, const TogetherEnd& of) {
    steps_.erase(&run);
    if (of.result.interrupted || !of.failure.empty()) return;
    RunEnd end;
    end.run = &run;
    end.device = device;
    end.diverged = of.result.diverged;
    end.seconds = seconds();
    end.ended = ++ended_;
    end.all = all_;
    end.remaining = remaining();
    result_.diverged += end.diverged.empty() ? 0 : 1;
    if (options_.on_end) options_.on_end(end);
  }

  void tick() {
    if (!options_.on_tick) return;
    RunsState now;
    for (const auto& [run, step] : steps_) now.running.push_back({run, step});
    now.ended = ended_;
    now.all = all_;
    now.remaining = remaining();
    options_.on_tick(now);
  }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// By the steps of all runs: those that were done before this call count as done in it.
  [[nodiscard]] std::optional<double> remaining() const {
    const auto all = static_cast<double>(all_steps_);
    double done = all / static_cast<double>(all_) * static_cast<double>(ended_);
    for (const auto& [run, step] : steps_) done += static_cast<double>(step);
    if (done <= 0) return std::nullopt;
    return seconds() * std::max(0.0, all / done - 1);
  }

  const TrainRunsOptions& options_;
  std::vector<LaunchLane> lanes_;
  size_t all_ = 0;                               // runs
  int64_t all_steps_ = 0;                        // of these
  std::mutex mutex_;                             // of what follows, and of the caller's functions
  std::map<const EnsembleRun*, int64_t> steps_;  // of the running ones
  TrainRunsResult result_;
  size_t ended_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

bool has_ended(const EnsembleRun& run) {
  const RunConfig own = load_run_config(run.folder);
  if (!kept_differences(own, run.config).empty() || !changeable_differences(own, run.config).empty()) return false;
  // metrics.csv is written last.
  const bool written = fs::exists(run.folder / "metrics.csv") && steps_recorded(run.folder) >= run.config.steps;
  return written || divergence_of(run.folder).has_value();
}

TrainRunsResult train_runs(const std::vector<EnsembleRun>& runs, const TrainRunsOptions& options) {
  const TrainRunsResult together = options.together ? Launches(runs, options).go() : TrainRunsResult{};
  if (together.interrupted) return together;
  TrainRunsResult result = Processes(runs, options).go();  // takes the runs that have not ended
  result.diverged += together.diverged;
  return result;
}

}  // namespace kantor
