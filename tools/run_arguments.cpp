#include "tools/run_arguments.h"

#include "engine/rewrites.h"
#include "engine/threads.h"
#include "models/files/atomic_file.h"
#include "models/losses/loss.h"
#include "models/training/config_fields.h"
#include "models/training/config_toml.h"
#include "models/training/presets.h"
#include "models/training/resume.h"
#include "models/training/run_folder.h"
#include "tools/device_choice.h"

#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

namespace kantor {
namespace {

namespace fs = std::filesystem;

/// Each warning once, however many arms a comparison has.
void warn(const std::vector<std::string>& warnings) {
  static std::set<std::string> given;
  for (const std::string& warning : warnings) {
    if (given.insert(warning).second) fmt::print(stderr, "warning: {}\n", warning);
  }
}

void apply_config_file(RunConfig& config, const std::string& path) {
  const std::vector<std::byte> text = read_file(path, 1 << 20);
  std::vector<std::string> warnings;
  apply_toml(config, {reinterpret_cast<const char*>(text.data()), text.size()}, path, &warnings);
  warn(warnings);
}

void apply_option(RunConfig& config, const std::string& setting) {
  std::vector<std::string> warnings;
  apply_setting(config, setting, &warnings);
  warn(warnings);
}

/// A configuration that options change one after the other, and the option that set each key last.
class Layers {
 public:
  explicit Layers(RunConfig start) : config_(std::move(start)) {}

  template <class Change>
  void apply(const std::string& option, const Change& change) {
    const RunConfig before = config_;
    change(config_);
    for (const ConfigField& field : config_fields()) {
      if (!(field.get(before) == field.get(config_))) origins_[field.key] = option;
    }
  }
  [[nodiscard]] const RunConfig& config() const { return config_; }
  [[nodiscard]] std::string origin(const std::string& key) const {
    const auto found = origins_.find(key);
    return found == origins_.end() ? "the run's config.toml" : found->second;
  }

 private:
  RunConfig config_;
  std::map<std::string, std::string> origins_;
};

/// Whether two paths name the same file, which need not exist any more.
bool same_path(const std::string& a, const std::string& b) {
  return fs::absolute(a).lexically_normal() == fs::absolute(b).lexically_normal();
}

/// The keys of a preset that decide a run, over the run's own: not its seed, and not what a resume may change.
void apply_preset(RunConfig& config, const RunConfig& preset) {
  for (const ConfigField& field : config_fields()) {
    if (!field.changeable && field.key != "train.seed") field.set(config, field.get(preset));
  }
}

}  // namespace

void RunArguments::add_to(CLI::App& app) {
  app.add_option("--preset", preset,
                 fmt::format("settings to start from: {} (default ring8)", fmt::join(preset_names(), ", ")))
      ->type_name("NAME");
  app.add_option("--config", config, "a TOML file over the preset, such as a run's config.toml")->type_name("FILE");
  app.add_option(
         "--data", data,
         "train on this instead: .npy [N, D], [N, T, D] or [N, C, H, W], IDX images, .csv [N, D], plain or .gz, "
         "or a folder of PNGs; `kantor data FILE` tells how it is read")
      ->type_name("FILE");
  app.add_option(
         "--loss", loss,
         fmt::format("what critic and generator minimize: {} (default wasserstein)", fmt::join(loss_names(), ", ")))
      ->type_name("NAME");
  app.add_option("--set", settings, "KEY=VALUE over the rest, such as train.steps=2000; repeatable")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--resume", resume,
               "go on with what --out holds from its newest checkpoint, bit for bit; --set may change learning rates, "
               "train.steps and the intervals of what is written (docs/run-folder.md)");
  app.add_option("--out", out, "the run's folder (default runs/<date>-<name>; train adds -<constraint>-<seed>)")
      ->type_name("DIR");
  app.add_option("--device", device, "auto, cpu, sim, cuda, cuda:N")->type_name("NAME")->capture_default_str();
  products.add_to(app);
  app.add_option("--threads", threads, "CPU threads (default: all); the results do not depend on it")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_option(
         "--fused", fused,
         "sim, cuda: train small fully connected networks by one kernel, many steps a launch: auto (where it is "
         "possible), on, off")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  app.add_flag("--eager", eager, "run every step op by op instead of replaying a captured one");
  app.add_option("--rewrites", rewrites,
                 "what a captured step is made faster by: all, exact (the bits of --eager), none, or names joined by "
                 "commas (docs/performance.md)")
      ->type_name("NAMES")
      ->capture_default_str();
  app.add_flag("--quiet", quiet, "print errors only");
  app.add_flag("--json", json, "print each line of metrics.jsonl on stdout");
  app.add_flag("--print-config", print_config, "print the configuration as TOML, with what each key means, and stop");
}

RunConfig RunArguments::run_config(const std::string& constraint, int64_t seed) const {
  std::string base = preset;
  if (base.empty() && !data.empty()) {
    base = open_dataset({"file", data})->is_image() ? "fashion-small" : "ring8";
  }
  RunConfig result = kantor::preset(base.empty() ? "ring8" : base, constraint);
  if (!config.empty()) {
    apply_config_file(result, config);
    if (!constraint.empty()) apply_option(result, "critic.constraint=" + constraint);
  }
  if (!data.empty()) {
    result.data = {"file", data};
    if (preset.empty() && config.empty()) result.name = "data";
  }
  if (!loss.empty()) apply_option(result, "train.loss=" + loss);
  for (const std::string& setting : settings) apply_option(result, setting);
  if (seed >= 0) result.seed = seed;
  validate(result);
  return result;
}

RunArguments::Resumed RunArguments::resumed_run(const fs::path& folder, const std::string& constraint,
                                                int64_t seed) const {
  const StartedRun run = load_started_run(folder);
  Layers asked(run.config);
  if (!preset.empty()) {
    const std::string kind = constraint.empty() ? run.config.constraint.kind : constraint;
    asked.apply("--preset " + preset, [&](RunConfig& c) { apply_preset(c, kantor::preset(preset, kind)); });
  }
  if (!config.empty()) {
    asked.apply("--config " + config, [&](RunConfig& c) { apply_config_file(c, config); });
  }
  if (!constraint.empty()) {
    asked.apply("--constraint " + constraint,
                [&](RunConfig& c) { apply_setting(c, "critic.constraint=" + constraint); });
  }
  if (!loss.empty()) {
    asked.apply("--loss " + loss, [&](RunConfig& c) { apply_option(c, "train.loss=" + loss); });
  }
  if (!data.empty()) {
    if (run.config.data.kind != "file" || !same_path(run.config.data.path, data)) {
      throw ConfigError(fmt::format(
          "--resume: this run trains on {}, and --data asks for {}; leave it out, or begin a run of its own in another "
          "--out (where a file has moved: --set data.path=...)",
          run.config.data.kind == "file" ? run.config.data.path : run.config.data.kind, data));
    }
    asked.apply("--data " + data, [&](RunConfig& c) { c.data = run.config.data; });
  }
  for (const std::string& setting : settings) {
    asked.apply("--set " + setting, [&](RunConfig& c) { apply_option(c, setting); });
  }
  if (seed >= 0) asked.apply(fmt::format("--seed {}", seed), [&](RunConfig& c) { c.seed = seed; });
  validate(asked.config());
  const bool changed = !changes_on_resume(run.config, run.steps_done(), asked.config(), [&](const std::string& key) {
                          return asked.origin(key);
                        }).empty();
  const bool all_steps = run.checkpoint && run.steps_done() >= asked.config().steps;
  return {asked.config(), !changed && (all_steps || run.divergence), !changed && run.divergence.has_value()};
}

std::string RunArguments::folder(const std::string& name) const {
  if (!out.empty()) return out;
  const std::time_t now = std::time(nullptr);
  return fmt::format("runs/{:%Y%m%d-%H%M%S}-{}", fmt::localtime(now), name);
}

Device RunArguments::use_machine() const {
  if (threads > 0) set_threads(threads);
  const Device found = choose_device(device, quiet);
  products.apply(found, quiet);
  set_rewrites(rewrites);
  return found;
}

std::vector<std::string> RunArguments::machine_of_others(const std::string& devices) const {
  if (threads > 0) set_threads(threads);
  std::vector<std::string> found = choose_devices(devices, device, quiet);
  products.choose();
  set_rewrites(rewrites);
  return found;
}

std::vector<std::string> RunArguments::machine_words() const {
  std::vector<std::string> words = products.words();
  words.insert(words.end(), {"--rewrites", rewrites, "--fused", fused});
  if (eager) words.emplace_back("--eager");
  return words;
}

}  // namespace kantor
