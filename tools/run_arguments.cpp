#include "tools/run_arguments.h"

#include "engine/libraries.h"
#include "models/files/files.h"

#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {

void RunArguments::add_to(CLI::App& app) {
  app.add_option("--preset", preset,
                 fmt::format("settings to start from: {} (default ring8)", fmt::join(preset_names(), ", ")));
  app.add_option("--config", config, "a TOML file over the preset, such as a run's config.toml");
  app.add_option(
      "--data", data,
      "train on this instead: .npy [N, D], [N, T, D] or [N, C, H, W], IDX images, .csv [N, D], plain or .gz, "
      "or a folder of PNGs; `kantor data FILE` tells how it is read");
  app.add_option("--set", settings, "KEY=VALUE over the rest, such as train.steps=2000; repeatable")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--out", out, "the run's folder (default runs/<date>-<name>; train adds -<constraint>-<seed>)");
  app.add_option("--device", device, "auto, cpu, sim, cuda, cuda:N")->capture_default_str();
  app.add_flag("--cudnn", cudnn, "cuda: take cuDNN's convolutions instead of Kantor's own kernels");
  app.add_flag("--tf32", tf32, "cuda: round operands of cuBLAS and cuDNN to TF32, for tensor cores");
  app.add_option("--threads", threads, "CPU threads (default: all); the results do not depend on it")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--eager", eager, "run every step op by op instead of replaying a captured one");
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
    const std::vector<std::byte> text = read_file(config, 1 << 20);
    apply_toml(result, {reinterpret_cast<const char*>(text.data()), text.size()}, config);
    if (!constraint.empty()) result.constraint.kind = constraint;
  }
  if (!data.empty()) {
    result.data = {"file", data};
    if (preset.empty() && config.empty()) result.name = "data";
  }
  for (const std::string& setting : settings) apply_setting(result, setting);
  if (seed >= 0) result.seed = seed;
  validate(result);
  return result;
}

std::string RunArguments::folder(const std::string& name) const {
  if (!out.empty()) return out;
  const std::time_t now = std::time(nullptr);
  return fmt::format("runs/{:%Y%m%d-%H%M%S}-{}", fmt::localtime(now), name);
}

Device RunArguments::use_machine() const {
  if (threads > 0) set_threads(threads);
  const Device found = find_device(device);
  set_libraries({cudnn, tf32});
  if (device == "auto" && !quiet) {
    fmt::print(stderr, "device auto: {}\n",
               found.kind == Device::Kind::cpu
                   ? fmt::format("cpu with {} threads ({})", kantor::threads(), why_unusable({Device::Kind::cuda, 0}))
                   : fmt::format("{} ({})", to_string(found), hardware(found)));
  }
  return found;
}

}  // namespace kantor
