#include "models/training/training_run.h"

#include "engine/products.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"
#include "models/files/png.h"
#include "models/metrics/wasserstein.h"
#include "models/training/checkpoint.h"
#include "models/training/config_toml.h"
#include "models/training/environment.h"
#include "models/training/evaluation.h"
#include "models/training/event_log.h"
#include "models/training/fused_training.h"
#include "models/training/memory.h"
#include "models/training/metrics_log.h"
#include "models/training/networks.h"
#include "models/training/picture.h"
#include "models/training/resume.h"
#include "models/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kept_checkpoints = 3;

/// What was measured after one step, before it is written.
struct Measured {
  json line;
  std::optional<Image> picture;
};

void check_free(const fs::path& folder) {
  if (!holds_run(folder)) return;
  throw FileError(fmt::format("{} holds a run already; go on with --resume, or choose another --out", folder.string()));
}

/// The changes that earlier resumes made, as env.json tells them.
json earlier_changes(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder / "env.json", ignored)) return json::array();
  const std::vector<std::byte> bytes = read_file(folder / "env.json", 1 << 24);
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  const json env = json::parse(begin, begin + bytes.size(), nullptr, false);
  return env.is_object() && env.contains("changes") && env["changes"].is_array() ? env["changes"] : json::array();
}

}  // namespace

/// The state of one run, and what is due at each step. The constructor checks, `begin` writes.
struct TrainingRun::State {
  State(const RunConfig& config, const RunOptions& options) : config_(config), options_(options) {
    if (options.resume) {
      lock_.emplace(options.folder);
      started_ = load_started_run(options.folder);
      for (const std::string& warning : started_.warnings) message(warning);
      changes_ = changes_on_resume(started_.config, started_.steps_done(), config,
                                   [](const std::string& key) { return "the configuration's " + key; });
    } else {
      check_free(options.folder);
    }
    data_ = open_dataset(config.data);
    if (!data_->reading().empty()) {
      message(fmt::format("data: {} samples of {}, read as {}", data_->size(), data_->name(), data_->reading()));
    }
    check_memory(config, *data_, options.device);
    trainer_ = std::make_unique<Trainer>(config, data_, options.device, options.capture, FusedOptions{options.fused});
    say_whether_fused();
    warn_of_norms();
    if (started_.checkpoint) {
      trainer_->restore(started_.checkpoint->file);
      note_change(started_.checkpoint->file, arithmetic_key, "arithmetic of products", trainer_->arithmetic());
      note_change(started_.checkpoint->file, steps_key, "steps", trainer_->fused_team() > 0 ? "fused" : "recorded");
    }
    started_.checkpoint.reset();  // frees its many tensors
    if (finished()) return;
    say_what_evaluation_takes();
    if (data_->is_plane()) floor_ = w1_floor(*data_, config.eval_samples);
  }

  void begin() {
    result_.steps = trainer_->steps_done();
    if (options_.resume && finished()) return finish_again();
    std::optional<Measured> first;
    watch_divergence([&] {
      if (result_.steps == 0) first = measure(0);
    });
    begin_folder();
    watch_divergence([&] {
      if (first) write(std::move(*first));
    });
  }

  [[nodiscard]] bool has_ended() const {
    return finished_again_ || result_.interrupted || !result_.diverged.empty() ||
           trainer_->steps_done() >= config_.steps;
  }

  /// `steps` does them; `seconds` tells how long they took, or less than 0: as long as the call.
  template <class Steps>
  void advance(int64_t count, double seconds, const Steps& steps) {
    watch_divergence([&] {
      const auto start = Clock::now();
      steps();
      if (seconds < 0) seconds = std::chrono::duration<double>(Clock::now() - start).count();
      note_time(count, seconds);
      const bool stop = options_.should_stop();
      const int64_t step = trainer_->steps_done();
      if (due_at(step)) write(measure(step));  // before the checkpoint: a run killed between them writes the line again
      if (step % config_.checkpoint_every == 0 || step == config_.steps || stop) write_checkpoint();
      result_.interrupted = stop;
    });
  }

  RunResult finish() {
    result_.steps = trainer_->steps_done();
    if (finished_again_) return result_;
    if (!result_.diverged.empty()) {
      write({{{"step", result_.steps}, {"seconds", seconds_}, {"diverged", result_.diverged}}, {}});
    }
    log_->write_csv();
    return result_;
  }

  template <class Work>
  void watch_divergence(const Work& work) {
    if (!result_.diverged.empty()) return;
    try {
      work();
    } catch (const NonFiniteError& error) {
      result_.diverged = error.what();
    }
  }

  void message(const std::string& text) const {
    if (options_.on_message) options_.on_message(text);
  }
  [[nodiscard]] bool finished() const { return trainer_->steps_done() >= config_.steps && config_.steps > 0; }

  void say_whether_fused() const {
    if (options_.device.kind == Device::Kind::cpu || trainer_->why_not_fused().empty()) return;
    message(fmt::format("fused: off, because {}", trainer_->why_not_fused()));
  }

  void warn_of_norms() const {
    if (trainer_->critic().network().has_batch_norm() && trainer_->critic().constraint().per_sample()) {
      message(
          "warning: batch norm in the critic mixes samples, but this penalty is per sample; use critic.norm = "
          "layer or none");
    }
    if (config_.critic.norm != "none" && trainer_->critic().constraint().per_layer()) {
      message(
          "warning: this constraint bounds the critic layer by layer, and normalization is not bounded; use "
          "critic.norm = none");
    }
  }

  void say_what_evaluation_takes() const {
    if (!data_->is_plane()) return;
    const double seconds = transport_seconds(config_.eval_samples);
    if (seconds < 2) return;
    message(fmt::format(
        "exact W1 of eval.samples = {} takes some {:.0f} s an evaluation; {} of them come first, for the floor",
        config_.eval_samples, seconds, floor_pairs));
  }

  /// A resume that finds all steps done: what a run writes at its end may be missing, or be asked for under a new name.
  void finish_again() {
    finished_again_ = true;
    message(fmt::format("nothing is left: {} of {} steps are done; ask for more with --set train.steps=N",
                        trainer_->steps_done(), config_.steps));
    write_settings();
    MetricsLog(options_.folder, trainer_->steps_done()).write_csv();
  }

  /// Begins to write, after everything was checked.
  void begin_folder() {
    std::error_code error;
    for (const char* part : {"checkpoints", "samples"}) {
      fs::create_directories(options_.folder / part, error);
      if (error) throw FileError(fmt::format("cannot make {}: {}", (options_.folder / part).string(), error.message()));
    }
    if (!lock_) {
      lock_.emplace(options_.folder);
      check_free(options_.folder);  // another process may have been here since
    }
    write_settings();
    const int64_t step = trainer_->steps_done();
    if (options_.resume) {
      message(step == 0 ? std::string("no checkpoint yet: the run begins at step 0")
                        : fmt::format("resumed at step {} of {}", step, config_.steps));
    }
    log_.emplace(options_.folder, step);
    events_.emplace(options_.folder, step > 0 ? step : -1);
    seconds_ = log_->seconds();
  }

  /// Another way to compute than the checkpoint's is a change of the run: its bits are not those of one that never
  /// stopped.
  void note_change(const TensorFile& file, const char* key, const char* name, const std::string& now) {
    const auto before = file.metadata.find(key);
    if (before == file.metadata.end() || before->second == now) return;
    changes_.push_back({name, before->second, now});
  }

  void write_settings() {
    json env = describe_environment(options_.device);
    env["arithmetic"] = trainer_->arithmetic();
    env["steps"] = trainer_->fused_team() > 0 ? fmt::format("fused, {} blocks", trainer_->fused_team()) : "recorded";
    json changes = options_.resume ? earlier_changes(options_.folder) : json::array();
    for (const ConfigChange& change : changes_) {
      message(fmt::format("{}: {} instead of {} from step {} on", change.key, change.to, change.from,
                          trainer_->steps_done()));
      changes.push_back(
          {{"step", trainer_->steps_done()}, {"key", change.key}, {"from", change.from}, {"to", change.to}});
    }
    if (!changes.empty()) env["changes"] = changes;
    write_file_atomically(options_.folder / "env.json", env.dump(2) + "\n");
    write_file_atomically(options_.folder / "config.toml", to_toml(config_, true));
  }

  void note_time(int64_t count, double seconds) {
    seconds_ += seconds;
    step_seconds_ = seconds / static_cast<double>(count);
    recent_.insert(recent_.end(), static_cast<size_t>(count), step_seconds_ * 1e3);
  }

  /// Fused steps go in one launch up to the next one that something is due at, but for no longer than a second: then a
  /// Ctrl-C is seen.
  [[nodiscard]] int64_t steps_at_once() const {
    if (trainer_->fused_team() == 0 || step_seconds_ == 0) return 1;
    const auto most = static_cast<int64_t>(std::max(1.0, 1 / step_seconds_));
    const int64_t done = trainer_->steps_done();
    for (int64_t count = 1; count < most; ++count) {
      const int64_t step = done + count;
      if (due_at(step) || step % config_.checkpoint_every == 0 || step == config_.steps) return count;
    }
    return most;
  }

  void write_checkpoint() {
    write_safetensors(options_.folder / "checkpoints" / (step_name(trainer_->steps_done()) + ".safetensors"),
                      trainer_->checkpoint());
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
  [[nodiscard]] bool pictured_at(int64_t step) const {
    return step == 0 || step == config_.steps || step % config_.sample_every == 0;
  }
  [[nodiscard]] bool due_at(int64_t step) const {
    return evaluated_at(step) || pictured_at(step) || step % config_.log_every == 0;
  }

  Measured measure(int64_t step) {
    Measured measured{{{"step", step}, {"seconds", seconds_}}, {}};
    json& line = measured.line;
    if (!recent_.empty()) {
      std::nth_element(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(recent_.size() / 2),
                       recent_.end());
      line["step_milliseconds"] = recent_[recent_.size() / 2];
      recent_.clear();
    }
    if (step > 0) line.update(describe_losses(*trainer_));
    if (evaluated_at(step)) {
      line.update(evaluate_samples(*trainer_, *data_, floor_));
      line.update(evaluate_critic(*trainer_, *data_));
    }
    if (pictured_at(step)) measured.picture = draw_samples(*trainer_, *data_);
    for (const auto& [key, value] : line.items()) {
      if (value.is_number_float() && !std::isfinite(value.get<double>())) {
        throw NonFiniteError(fmt::format("step {}: {} is {}; the run diverged", step, key, value.get<double>()));
      }
    }
    return measured;
  }

  void write(Measured measured) {
    json& line = measured.line;
    if (measured.picture) {
      const std::string path = "samples/" + step_name(line["step"].get<int64_t>()) + ".png";
      write_png(options_.folder / path, *measured.picture);
      line["sample"] = path;
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
  std::optional<FolderLock> lock_;
  StartedRun started_;                 // what a resume continues
  std::vector<ConfigChange> changes_;  // that it makes
  DatasetPtr data_;
  std::unique_ptr<Trainer> trainer_;
  std::optional<MetricsLog> log_;
  std::optional<EventLog> events_;
  W1Floor floor_;
  double seconds_ = 0, step_seconds_ = 0;  // of the whole training; of the last step
  std::vector<double> recent_;             // milliseconds of the steps since the last line
  RunResult result_;
  bool finished_again_ = false;
};

TrainingRun::TrainingRun(const RunConfig& config, const RunOptions& options)
    : state_(std::make_unique<State>(config, options)) {}
TrainingRun::~TrainingRun() = default;
TrainingRun::TrainingRun(TrainingRun&&) noexcept = default;
TrainingRun& TrainingRun::operator=(TrainingRun&&) noexcept = default;

void TrainingRun::begin() {
  state_->begin();
}
bool TrainingRun::has_ended() const {
  return state_->has_ended();
}
int64_t TrainingRun::steps_at_once() const {
  return state_->steps_at_once();
}
void TrainingRun::step(int64_t count) {
  state_->advance(count, -1, [&] {
    Trainer& trainer = *state_->trainer_;
    trainer.steps(count, state_->evaluated_at(trainer.steps_done() + count));
  });
}
void TrainingRun::take(const MlpOutcome& outcome, double seconds) {
  state_->advance(outcome.done, seconds, [&] { state_->trainer_->take(outcome); });
}
RunResult TrainingRun::finish() {
  return state_->finish();
}
Trainer& TrainingRun::trainer() {
  return *state_->trainer_;
}
const RunConfig& TrainingRun::config() const {
  return state_->config_;
}

}  // namespace kantor
