#include "models/studies/framework/runner.h"

#include "models/ensemble/side_by_side.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"
#include "models/studies/framework/curve_run.h"
#include "models/studies/framework/run_folder.h"
#include "models/training/environment.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <optional>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

fs::path run_folder(const fs::path& out, const Study& study, const std::string& id) {
  return out / study.name / "runs" / id;
}

/// All runs of one call.
class Runner {
 public:
  Runner(const std::vector<const Study*>& studies, const RunnerOptions& options)
      : studies_(studies), options_(options) {
    make_folder(options.out);
    lock_.emplace(options.out, options.shard.whole() ? FolderLock::Mode::alone : FolderLock::Mode::shared);
    for (const Study* study : studies) {
      open_[study] = 0;
      for (StudyRun& run : study->runs(options.settings)) plan(*study, std::move(run));
    }
  }

  RunnerResult go() {
    for (const Study* study : studies_) conclude_if_done(*study);
    if (options_.together) share();
    if (!result_.interrupted) start_processes();
    return result_;
  }

 private:
  void plan(const Study& study, StudyRun run) {
    if (!options_.shard.has(++planned_)) return;
    ++all_;
    fs::path folder = run_folder(options_.out, study, run.id);
    if (const auto result = finished_result(folder, run.settings, options_.device)) {
      ++done_;
      if (result->contains("diverged")) ++result_.diverged;
      return;
    }
    ++open_[&study];
    tasks_.push_back({&study, std::move(run), std::move(folder)});
  }

  [[nodiscard]] std::vector<std::string> devices() const {
    return options_.devices.empty() ? std::vector<std::string>{options_.device} : options_.devices;
  }

  /// The small trainings, in launches of many. What they leave is left to processes.
  void share() {
    std::vector<bool> ended(tasks_.size());
    SharedOptions options;
    options.devices = devices();
    options.on_end = [&](const SharedEnd& end) {
      ended[end.task] = true;
      RunnerOptions::Progress progress = progress_of(tasks_[end.task]);
      progress.seconds = end.seconds;
      progress.device = end.device;
      progress.remaining = end.remaining;
      tell(tasks_[end.task], std::move(progress));
    };
    options.should_stop = options_.should_stop;
    result_.shared = share_runs(tasks_, options);
    size_t task = 0;
    std::erase_if(tasks_, [&](const StudyTask&) { return ended[task++]; });
    result_.interrupted = result_.shared.runs > 0 && options_.should_stop();
  }

  void start_processes() {
    std::vector<fs::path> folders;
    for (const StudyTask& task : tasks_) folders.push_back(task.folder);
    SideBySideOptions options;
    options.devices = devices();
    options.jobs = options_.jobs;
    options.command = [this](size_t job, const std::string& device) { return command_of(tasks_[job], device); };
    options.on_end = [this](const JobEnd& end) { take(end); };
    options.should_stop = options_.should_stop;
    jobs_.emplace(std::move(folders), std::move(options));
    result_.interrupted = !jobs_->go();
  }

  /// nullopt where another process has done it since it was planned.
  std::optional<std::vector<std::string>> command_of(const StudyTask& task, const std::string& device) {
    if (!begin_run(task.folder, task.run.settings, options_.device)) return std::nullopt;
    return options_.command(*task.study, task.folder, device);
  }

  void take(const JobEnd& end) {
    const StudyTask& task = tasks_[end.job];
    if (end.elsewhere) {
      --open_[task.study];
      ++result_.elsewhere;
      conclude_if_done(*task.study);
      return;
    }
    RunnerOptions::Progress progress = progress_of(task);
    progress.failure = end.failure;
    progress.seconds = end.seconds;
    progress.device = end.device;
    progress.remaining = jobs_->state().remaining.value_or(0);
    tell(task, std::move(progress));
  }

  [[nodiscard]] RunnerOptions::Progress progress_of(const StudyTask& task) const {
    RunnerOptions::Progress progress;
    progress.study = task.study->name;
    progress.id = task.run.id;
    progress.all = all_;
    return progress;
  }

  /// Of a run that was done here.
  void tell(const StudyTask& task, RunnerOptions::Progress progress) {
    --open_[task.study];
    if (progress.failure.empty()) {
      const auto result = finished_result(task.folder, task.run.settings, options_.device);
      if (!result) progress.failure = "no result";
      if (result) progress.diverged = result->value("diverged", "");
    }
    if (progress.failure.empty()) {
      ++done_;
      if (!progress.diverged.empty()) ++result_.diverged;
    } else {
      ++result_.failed;
      progress.log = log_tail(task.folder);
    }
    progress.done = done_;
    if (options_.on_run) options_.on_run(progress);
    conclude_if_done(*task.study);
  }

  void conclude_if_done(const Study& study) {
    if (open_[&study] > 0) return;
    std::optional<FolderLock> among_shards;
    if (!options_.shard.whole()) among_shards.emplace(options_.out, FolderLock::Mode::waiting, "report.lock");
    conclude_study(study, options_);
    if (options_.on_conclusion) options_.on_conclusion(study);
  }

  const std::vector<const Study*>& studies_;
  const RunnerOptions& options_;
  std::optional<FolderLock> lock_;
  std::vector<StudyTask> tasks_;
  std::map<const Study*, size_t> open_;  // tasks not yet ended
  std::optional<SideBySide> jobs_;
  RunnerResult result_;
  size_t done_ = 0, all_ = 0;
  int64_t planned_ = 0;
};

/// Draws or copies a figure into the study's folder.
json place_figure(const Figure& figure, const fs::path& folder) {
  const fs::path target = folder / "figures" / figure.file;
  if (figure.picture.empty()) {
    write_file_atomically(target, to_svg(figure.chart));
  } else {
    write_file_atomically(target, read_file(folder / "runs" / figure.picture));
  }
  return {{"file", "figures/" + figure.file}, {"title", figure.chart.title}, {"caption", figure.caption}};
}

}  // namespace

RunnerResult run_studies(const std::vector<const Study*>& studies, const RunnerOptions& options) {
  return Runner(studies, options).go();
}

void conclude_studies(const std::vector<const Study*>& studies, const RunnerOptions& options) {
  make_folder(options.out);
  const FolderLock runs(options.out, FolderLock::Mode::shared);
  const FolderLock among_shards(options.out, FolderLock::Mode::waiting, "report.lock");
  for (const Study* study : studies) {
    conclude_study(*study, options);
    if (options.on_conclusion) options.on_conclusion(*study);
  }
}

void execute_run(const Study& study, Device device, const fs::path& folder, Fused fused) {
  const json settings = run_settings(study, folder);
  const FolderLock lock(folder);
  const auto start = Clock::now();
  const std::clock_t begun = std::clock();
  RunEnding ending;
  try {
    const auto curve = study.curve_run ? study.curve_run(settings, {device, folder, fused}) : nullptr;
    ending.numbers = curve ? train_alone(*curve) : study.run(settings, device, folder);
  } catch (const NonFiniteError& error) {
    ending.diverged = error.what();
  } catch (const json::exception& error) {
    refuse_settings(study, folder, error.what());
  }
  ending.seconds = seconds_since(start);
  ending.cpu_seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  write_result(folder, study, settings, device, ending);
}

json conclude_study(const Study& study, const RunnerOptions& options) {
  const fs::path folder = options.out / study.name;
  std::vector<Outcome> outcomes;
  json missing = json::array(), diverged = json::array();
  double seconds = 0, cpu_seconds = 0;
  const std::vector<StudyRun> runs = study.runs(options.settings);
  for (const StudyRun& run : runs) {
    const auto result = finished_result(run_folder(options.out, study, run.id), run.settings, options.device);
    if (result) {
      if (result->contains("diverged")) {
        diverged.push_back({{"id", run.id}, {"reason", result->at("diverged")}});
      } else {
        outcomes.push_back({run.id, run.settings, result->at("numbers")});
      }
      seconds += result->value("seconds", 0.0);
      cpu_seconds += result->value("cpu_seconds", 0.0);
    } else {
      missing.push_back(run.id);
    }
  }
  const Conclusion conclusion = study.conclude(outcomes, options.settings);
  std::error_code ignored;
  fs::remove_all(folder / "figures", ignored);
  make_folder(folder / "figures");
  json findings = json::array(), figures = json::array();
  for (const Finding& finding : conclusion.findings) findings.push_back(to_json(finding));
  for (const Figure& figure : conclusion.figures) {
    const bool gone = !figure.picture.empty() && !fs::exists(folder / "runs" / figure.picture, ignored);
    if (!gone) figures.push_back(place_figure(figure, folder));  // results may have been copied here without pictures
  }
  json result{{"study", study.name},
              {"title", study.title},
              {"claim", study.claim},
              {"scale", to_string(options.settings.scale)},
              {"seeds", options.settings.seeds},
              {"first_seed", options.settings.first_seed},
              {"seeds_needed", options.settings.needed()},
              {"runs", runs.size()},
              {"missing", missing},
              {"diverged", diverged},
              {"run_seconds", seconds},
              {"cpu_seconds", cpu_seconds},
              {"environment", describe_environment(find_device(options.device))},
              {"verdict", to_string(overall(conclusion.findings))},
              {"method", conclusion.method},
              {"findings", findings},
              {"figures", figures},
              {"meaning", conclusion.meaning},
              {"limits", conclusion.limits}};
  write_file_atomically(folder / "result.json", result.dump(2) + "\n");
  return result;
}

}  // namespace kantor
