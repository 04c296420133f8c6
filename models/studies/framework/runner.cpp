#include "models/studies/framework/runner.h"

#include "engine/build_info.h"
#include "models/ensemble/side_by_side.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"
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

constexpr size_t settings_limit = 1 << 20, result_limit = 1 << 28;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The JSON object in a file; nullopt where the file is missing or holds something else.
std::optional<json> read_object(const fs::path& path, size_t limit) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  const std::vector<std::byte> bytes = read_file(path, limit);
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  json parsed = json::parse(begin, begin + bytes.size(), nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

fs::path run_folder(const fs::path& out, const Study& study, const std::string& id) {
  return out / study.name / "runs" / id;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError(fmt::format("cannot make {}: {}", folder.string(), error.message()));
}

/// "cuda" of "cuda:1": GPUs of one machine count as one device.
std::string kind_of(const std::string& device) {
  return device.substr(0, device.find(':'));
}

/// The result of a run that is finished, by this version of the program, with these settings and on such a device.
std::optional<json> finished(const fs::path& folder, const json& settings, const std::string& device) {
  std::optional<json> result = read_object(folder / "result.json", result_limit);
  if (!result || result->value("settings", json()) != settings ||
      kind_of(result->value("device", "")) != kind_of(device) || result->value("version", "") != build_info().version ||
      !(result->contains("numbers") || result->contains("diverged"))) {
    return std::nullopt;
  }
  return result;
}

/// One run that is to be done.
struct Task {
  const Study* study;
  StudyRun run;
};

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
    SideBySideOptions options;
    options.devices = options_.devices.empty() ? std::vector<std::string>{options_.device} : options_.devices;
    options.jobs = options_.jobs;
    options.command = [this](size_t job, const std::string& device) { return command_of(tasks_[job], device); };
    options.on_end = [this](const JobEnd& end) { take(end); };
    options.should_stop = options_.should_stop;
    jobs_.emplace(folders_, std::move(options));
    result_.interrupted = !jobs_->go();
    return result_;
  }

 private:
  void plan(const Study& study, StudyRun run) {
    if (!options_.shard.has(++planned_)) return;
    ++all_;
    const fs::path folder = run_folder(options_.out, study, run.id);
    if (const auto result = finished(folder, run.settings, options_.device)) {
      ++done_;
      if (result->contains("diverged")) ++result_.diverged;
      return;
    }
    ++open_[&study];
    folders_.push_back(folder);
    tasks_.push_back({&study, std::move(run)});
  }

  /// nullopt where another process has done it since it was planned.
  std::optional<std::vector<std::string>> command_of(const Task& task, const std::string& device) {
    const fs::path folder = run_folder(options_.out, *task.study, task.run.id);
    if (finished(folder, task.run.settings, options_.device)) return std::nullopt;
    std::error_code ignored;
    fs::remove(folder / "result.json", ignored);  // of other settings
    make_folder(folder);
    write_file_atomically(folder / "settings.json", task.run.settings.dump(2) + "\n");
    return options_.command(*task.study, folder, device);
  }

  void take(const JobEnd& end) {
    const Task& task = tasks_[end.job];
    --open_[task.study];
    if (end.elsewhere) {
      ++result_.elsewhere;
      conclude_if_done(*task.study);
      return;
    }
    RunnerOptions::Progress progress;
    progress.study = task.study->name;
    progress.id = task.run.id;
    progress.failure = end.failure;
    progress.all = all_;
    progress.seconds = end.seconds;
    progress.device = end.device;
    if (progress.failure.empty()) {
      const auto result = finished(folders_[end.job], task.run.settings, options_.device);
      if (!result) progress.failure = "no result";
      if (result) progress.diverged = result->value("diverged", "");
    }
    if (progress.failure.empty()) {
      ++done_;
      if (!progress.diverged.empty()) ++result_.diverged;
    } else {
      ++result_.failed;
      progress.log = log_tail(folders_[end.job]);
    }
    progress.done = done_;
    progress.remaining = jobs_->state().remaining.value_or(0);
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
  std::vector<Task> tasks_;
  std::vector<fs::path> folders_;        // of the tasks
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

void execute_run(const Study& study, Device device, const fs::path& folder) {
  const fs::path file = folder / "settings.json";
  const std::string expected =
      fmt::format("expected what `kantor study {} --list` prints as a run's \"settings\"", study.name);
  const std::optional<json> settings = read_object(file, settings_limit);
  if (!settings) throw FileError(fmt::format("{}: {}", file.string(), expected));
  const FolderLock lock(folder);
  const auto start = Clock::now();
  const std::clock_t begun = std::clock();
  json numbers;
  std::string diverged;
  try {
    numbers = study.run(*settings, device, folder);
  } catch (const NonFiniteError& error) {
    diverged = error.what();
  } catch (const json::exception& error) {
    throw FileError(fmt::format("{}: {}; {}", file.string(), error.what(), expected));
  }
  json result{{"study", study.name},
              {"settings", *settings},
              {"device", to_string(device)},
              {"version", build_info().version},
              {"seconds", seconds_since(start)},
              {"cpu_seconds", static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC}};
  if (diverged.empty()) {
    result["numbers"] = numbers;
  } else {
    result["diverged"] = diverged;
  }
  write_file_atomically(folder / "result.json", result.dump() + "\n");
}

json conclude_study(const Study& study, const RunnerOptions& options) {
  const fs::path folder = options.out / study.name;
  std::vector<Outcome> outcomes;
  json missing = json::array(), diverged = json::array();
  double seconds = 0, cpu_seconds = 0;
  const std::vector<StudyRun> runs = study.runs(options.settings);
  for (const StudyRun& run : runs) {
    const auto result = finished(run_folder(options.out, study, run.id), run.settings, options.device);
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
