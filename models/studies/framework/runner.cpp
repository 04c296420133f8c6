#include "models/studies/framework/runner.h"

#include "engine/build_info.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"
#include "models/studies/framework/children.h"
#include "models/training/environment.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <fmt/format.h>
#include <optional>
#include <thread>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t settings_limit = 1 << 20, result_limit = 1 << 28, log_kept = 2000;

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

/// The result of a run that is finished, by this version of the program, with these settings and on this device.
std::optional<json> finished(const fs::path& folder, const json& settings, const std::string& device) {
  std::optional<json> result = read_object(folder / "result.json", result_limit);
  if (!result || result->value("settings", json()) != settings || result->value("device", "") != device ||
      result->value("version", "") != build_info().version ||
      !(result->contains("numbers") || result->contains("diverged"))) {
    return std::nullopt;
  }
  return result;
}

std::string log_tail(const fs::path& folder) {
  try {
    const std::vector<std::byte> bytes = read_file(folder / "log.txt", result_limit);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.size() <= log_kept ? text : "..." + text.substr(text.size() - log_kept);
  } catch (const FileError&) {
    return "";
  }
}

/// One run that is to be done.
struct Task {
  const Study* study;
  StudyRun run;
  fs::path folder;
  Clock::time_point start = {};
};

/// All runs of one call.
class Runner {
 public:
  Runner(const std::vector<const Study*>& studies, const RunnerOptions& options)
      : studies_(studies), options_(options) {
    make_folder(options.out);
    lock_.emplace(options.out);
    for (const Study* study : studies) {
      open_[study] = 0;
      for (StudyRun& run : study->runs(options.settings)) plan(*study, std::move(run));
    }
  }

  RunnerResult go() {
    for (const Study* study : studies_) conclude_if_done(*study);
    while (!waiting_.empty() || children_.running() > 0) {
      if (options_.should_stop()) {
        children_.stop();
        result_.interrupted = true;
        return result_;
      }
      while (!waiting_.empty() && children_.running() < std::max<size_t>(1, options_.jobs)) start_next();
      if (const auto end = children_.poll()) {
        take(*end);
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    return result_;
  }

 private:
  void plan(const Study& study, StudyRun run) {
    ++all_;
    const fs::path folder = run_folder(options_.out, study, run.id);
    if (const auto result = finished(folder, run.settings, options_.device)) {
      ++done_;
      if (result->contains("diverged")) ++result_.diverged;
      return;
    }
    ++open_[&study];
    waiting_.push_back(tasks_.size());
    tasks_.push_back({&study, std::move(run), folder});
  }

  void start_next() {
    Task& task = tasks_[waiting_.front()];
    std::error_code ignored;
    fs::remove(task.folder / "result.json", ignored);  // of other settings
    make_folder(task.folder);
    write_file_atomically(task.folder / "settings.json", task.run.settings.dump(2) + "\n");
    task.start = Clock::now();
    children_.start(waiting_.front(), options_.command(*task.study, task.folder), task.folder / "log.txt");
    waiting_.pop_front();
  }

  void take(const Children::End& end) {
    const Task& task = tasks_[end.key];
    RunnerOptions::Progress progress;
    progress.study = task.study->name;
    progress.id = task.run.id;
    progress.failure = end.failure;
    progress.all = all_;
    progress.seconds = seconds_since(task.start);
    if (progress.failure.empty()) {
      const auto result = finished(task.folder, task.run.settings, options_.device);
      if (!result) progress.failure = "no result";
      if (result) progress.diverged = result->value("diverged", "");
    }
    spent_ += progress.seconds;
    ++ended_;
    if (progress.failure.empty()) {
      ++done_;
      if (!progress.diverged.empty()) ++result_.diverged;
    } else {
      ++result_.failed;
      progress.log = log_tail(task.folder);
    }
    progress.done = done_;
    progress.remaining = spent_ / static_cast<double>(ended_) *
                         static_cast<double>(waiting_.size() + children_.running()) /
                         static_cast<double>(std::max<size_t>(1, options_.jobs));
    if (options_.on_run) options_.on_run(progress);
    --open_[task.study];
    conclude_if_done(*task.study);
  }

  void conclude_if_done(const Study& study) {
    if (open_[&study] > 0) return;
    conclude_study(study, options_);
    if (options_.on_conclusion) options_.on_conclusion(study);
  }

  const std::vector<const Study*>& studies_;
  const RunnerOptions& options_;
  std::optional<FolderLock> lock_;
  std::vector<Task> tasks_;
  std::deque<size_t> waiting_;           // tasks not yet started
  std::map<const Study*, size_t> open_;  // tasks not yet ended
  Children children_;
  RunnerResult result_;
  size_t done_ = 0, all_ = 0, ended_ = 0;
  double spent_ = 0;
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

void execute_run(const Study& study, Device device, const fs::path& folder) {
  const fs::path file = folder / "settings.json";
  const std::string expected =
      fmt::format("expected what `kantor study {} --list` prints as a run's \"settings\"", study.name);
  const std::optional<json> settings = read_object(file, settings_limit);
  if (!settings) throw FileError(fmt::format("{}: {}", file.string(), expected));
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
