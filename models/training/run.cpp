#include "models/training/run.h"

#include "models/files/folder_lock.h"
#include "models/training/environment.h"
#include "models/training/evaluation.h"
#include "models/training/event_log.h"
#include "models/training/picture.h"
#include "models/training/trainer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kept_checkpoints = 3;

std::string step_name(int64_t step) {
  return fmt::format("step-{:07d}", step);
}

/// The step of "step-<N>.safetensors"; -1 for a file of another name, which is none of the run's.
int64_t step_of(const fs::path& file) {
  const std::string name = file.filename().string(), prefix = "step-", suffix = ".safetensors";
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return -1;
  int64_t step = -1;
  const char* end = name.data() + name.size() - suffix.size();
  const auto [read, error] = std::from_chars(name.data() + prefix.size(), end, step);
  return error == std::errc() && read == end ? step : -1;
}

/// Checkpoints of a folder, oldest first.
std::vector<fs::path> checkpoints(const fs::path& folder) {
  std::map<int64_t, fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / "checkpoints", ignored)) {
    if (const int64_t step = step_of(entry.path()); step >= 0) files[step] = entry.path();
  }
  std::vector<fs::path> sorted;
  for (const auto& [step, file] : files) sorted.push_back(file);
  return sorted;
}

/// metrics.jsonl: appended line by line, each flushed; on a resume, lines past the checkpoint are dropped.
class MetricsLog {
 public:
  MetricsLog(const fs::path& folder, int64_t keep_to_step)
      : path_(folder / "metrics.jsonl"), csv_(folder / "metrics.csv") {
    std::string kept;
    std::ifstream old(path_);
    for (std::string line; keep_to_step > 0 && std::getline(old, line);) {  // a run at step 0 writes its line again
      const json parsed = json::parse(line, nullptr, false);
      if (!parsed.is_object() || parsed.value("step", INT64_MAX) > keep_to_step) break;
      lines_.push_back(parsed);
      kept += line + "\n";
    }
    write_file_atomically(path_, kept);
    stream_.open(path_, std::ios::app);
  }

  void append(const json& line) {
    lines_.push_back(line);
    stream_ << line.dump() << '\n' << std::flush;
    if (!stream_) throw FileError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }
  [[nodiscard]] double seconds() const { return lines_.empty() ? 0 : lines_.back().value("seconds", 0.0); }

  /// The scalar columns, in order of first appearance.
  void write_csv() const {
    std::vector<std::string> columns;
    std::set<std::string> seen;
    for (const json& line : lines_) {
      for (const auto& [key, value] : line.items()) {
        if ((value.is_number()) && seen.insert(key).second) columns.push_back(key);
      }
    }
    std::string text = fmt::format("{}\n", fmt::join(columns, ","));
    for (const json& line : lines_) {
      for (size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) text += ',';
        if (line.contains(columns[i])) text += line[columns[i]].dump();
      }
      text += '\n';
    }
    write_file_atomically(csv_, text);
  }

 private:
  fs::path path_, csv_;
  std::ofstream stream_;
  std::vector<json> lines_;
};

/// The state of one run, and what is due at each step.
class Run {
 public:
  Run(const RunConfig& config, const RunOptions& options)
      : config_(config),
        options_(options),
        data_(open_dataset(config.data)),
        trainer_(config, *data_, options.device, options.capture) {
    if (!data_->reading().empty()) {
      message(fmt::format("data: {} samples of {}, read as {}", data_->size(), data_->name(), data_->reading()));
    }
    if (trainer_.critic().has_batch_norm() && trainer_.constraint().per_sample()) {
      message(
          "warning: batch norm in the critic mixes samples, but this penalty is per sample; use critic.norm = "
          "layer or none");
    }
    if (config.critic.norm != "none" && trainer_.constraint().per_layer()) {
      message(
          "warning: this constraint bounds the critic layer by layer, and normalization is not bounded; use "
          "critic.norm = none");
    }
    prepare_folder();
    resume();
    log_.emplace(options.folder, trainer_.steps_done());
    events_.emplace(options.folder, trainer_.steps_done() > 0 ? trainer_.steps_done() : -1);
    seconds_ = log_->seconds();
    if (data_->is_plane()) floor_ = w1_floor(*data_, config.eval_samples);
  }

  RunResult go() {
    RunResult result;
    if (trainer_.steps_done() == 0) evaluate_and_log(0);
    while (trainer_.steps_done() < config_.steps && !result.interrupted) {
      const auto start = Clock::now();
      trainer_.step(evaluated_at(trainer_.steps_done() + 1));
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      seconds_ += seconds;
      recent_.push_back(seconds * 1e3);
      result.interrupted = options_.should_stop();
      const int64_t step = trainer_.steps_done();
      evaluate_and_log(step);  // before the checkpoint: a run killed between them writes the line again
      const bool last = step == config_.steps;
      if (step % config_.checkpoint_every == 0 || last || result.interrupted) write_checkpoint();
    }
    log_->write_csv();
    result.steps = trainer_.steps_done();
    return result;
  }

 private:
  void message(const std::string& text) const {
    if (options_.on_message) options_.on_message(text);
  }

  void prepare_folder() {
    std::error_code error;
    for (const char* part : {"checkpoints", "samples"}) {
      fs::create_directories(options_.folder / part, error);
      if (error) throw FileError(fmt::format("cannot make {}: {}", (options_.folder / part).string(), error.message()));
    }
    lock_.emplace(options_.folder);
    if (!options_.resume && fs::exists(options_.folder / "metrics.jsonl")) {
      throw FileError(fmt::format("{} holds a run already; go on with --resume, or choose another --out",
                                  options_.folder.string()));
    }
    write_file_atomically(options_.folder / "config.toml", to_toml(config_, true));
    write_file_atomically(options_.folder / "env.json", describe_environment(options_.device).dump(2) + "\n");
  }

  void resume() {
    if (!options_.resume) return;
    const auto checkpoint = newest_checkpoint(options_.folder);
    if (!checkpoint) {
      message("no checkpoint yet: the run begins at step 0");
      return;
    }
    trainer_.restore(read_safetensors(*checkpoint));
    message(fmt::format("resumed at step {} from {}", trainer_.steps_done(), checkpoint->string()));
  }

  void write_checkpoint() {
    write_safetensors(options_.folder / "checkpoints" / (step_name(trainer_.steps_done()) + ".safetensors"),
                      trainer_.checkpoint());
    std::vector<fs::path> files = checkpoints(options_.folder);
    while (files.size() > kept_checkpoints) {
      std::error_code ignored;
      fs::remove(files.front(), ignored);
      files.erase(files.begin());
    }
  }

  [[nodiscard]] bool evaluated_at(int64_t step) const {
    return step == 0 || step == config_.steps || step % config_.eval_every == 0;
  }

  void evaluate_and_log(int64_t step) {
    const bool last = step == config_.steps, first = step == 0, evaluated = evaluated_at(step);
    const bool pictured = first || last || step % config_.sample_every == 0;
    if (!evaluated && !pictured && step % config_.log_every != 0) return;
    json line{{"step", step}, {"seconds", seconds_}};
    if (!recent_.empty()) {
      std::nth_element(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(recent_.size() / 2),
                       recent_.end());
      line["step_milliseconds"] = recent_[recent_.size() / 2];
      recent_.clear();
    }
    if (!first) line.update(describe_losses(trainer_));
    if (evaluated) {
      line.update(evaluate_samples(trainer_, *data_, floor_));
      line.update(evaluate_critic(trainer_, *data_));
    }
    if (pictured) {
      const std::string path = "samples/" + step_name(step) + ".png";
      write_png(options_.folder / path, draw_samples(trainer_, *data_));
      line["sample"] = path;
    }
    for (const auto& [key, value] : line.items()) {
      if (value.is_number_float() && !std::isfinite(value.get<double>())) {
        throw NonFiniteError(fmt::format("step {}: {} is {}; the run diverged", step, key, value.get<double>()));
      }
    }
    log_->append(line);
    events_->append(line);
    if (options_.on_line) {
      line["steps"] = config_.steps;
      options_.on_line(line);
    }
  }

  RunConfig config_;
  RunOptions options_;
  std::unique_ptr<Dataset> data_;
  Trainer trainer_;
  std::optional<FolderLock> lock_;
  std::optional<MetricsLog> log_;
  std::optional<EventLog> events_;
  W1Floor floor_;
  double seconds_ = 0;
  std::vector<double> recent_;  // milliseconds of the steps since the last line
};

}  // namespace

RunResult train(const RunConfig& config, const RunOptions& options) {
  return Run(config, options).go();
}

RunConfig load_run_config(const fs::path& folder) {
  const fs::path path = folder / "config.toml";
  const std::vector<std::byte> text = read_file(path, 1 << 20);
  RunConfig config;
  apply_toml(config, {reinterpret_cast<const char*>(text.data()), text.size()}, path.string());
  return config;
}

std::optional<fs::path> newest_checkpoint(const fs::path& folder) {
  std::vector<fs::path> files = checkpoints(folder);
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    try {
      read_safetensors(*file);
      return *file;
    } catch (const FileError&) {  // damaged: the one before it will do
      if (std::next(file) == files.rend()) throw;
    }
  }
  return std::nullopt;
}

}  // namespace kantor
