#include "models/training/run_folder.h"

#include "models/files/atomic_file.h"
#include "models/files/file_error.h"
#include "models/training/checkpoint.h"
#include "models/training/config_fields.h"
#include "models/training/config_toml.h"
#include "models/training/metrics_log.h"
#include "models/training/resume.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The step of "step-<N>.safetensors"; -1 for a file of another name, which is not the run's.
int64_t step_of(const fs::path& file) {
  const std::string name = file.filename().string(), prefix = "step-", suffix = ".safetensors";
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return -1;
  int64_t step = -1;
  const char* end = name.data() + name.size() - suffix.size();
  const auto [read, error] = std::from_chars(name.data() + prefix.size(), end, step);
  return error == std::errc() && read == end ? step : -1;
}

}  // namespace

std::string step_name(int64_t step) {
  return fmt::format("step-{:07d}", step);
}

std::vector<fs::path> runs_in(const fs::path& folder) {
  if (fs::exists(folder / "config.toml")) return {folder};
  std::vector<fs::path> runs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (fs::exists(entry.path() / "config.toml")) runs.push_back(entry.path());
  }
  if (runs.empty()) throw FileError(fmt::format("{}: no run here (no config.toml in it or below it)", folder.string()));
  std::sort(runs.begin(), runs.end());
  return runs;
}

RunConfig load_run_config(const fs::path& folder) {
  const fs::path path = folder / "config.toml";
  const std::vector<std::byte> text = read_file(path, 1 << 20);
  RunConfig config;
  apply_toml(config, {reinterpret_cast<const char*>(text.data()), text.size()}, path.string());
  return config;
}

std::vector<fs::path> checkpoints(const fs::path& folder) {
  std::map<int64_t, fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / "checkpoints", ignored)) {
    if (const int64_t step = step_of(entry.path()); step >= 0) files[step] = entry.path();
  }
  std::vector<fs::path> sorted;
  sorted.reserve(files.size());
  for (const auto& [step, file] : files) sorted.push_back(file);
  return sorted;
}

std::optional<Checkpoint> newest_checkpoint(const fs::path& folder) {
  const std::vector<fs::path> files = checkpoints(folder);
  for (auto path = files.rbegin(); path != files.rend(); ++path) {
    try {
      Checkpoint found{*path, read_safetensors(*path)};
      found.step = metadata_number(found.file, "kantor.step");
      return found;
    } catch (const FileError&) {  // damaged: try the one before it
      if (std::next(path) == files.rend()) throw;
    }
  }
  return std::nullopt;
}

int64_t steps_recorded(const fs::path& folder) {
  const std::vector<fs::path> files = checkpoints(folder);
  return files.empty() ? 0 : step_of(files.back());
}

bool holds_run(const fs::path& folder) {
  if (!checkpoints(folder).empty()) return true;
  const std::vector<json> lines = read_metrics(folder);
  return std::any_of(lines.begin(), lines.end(),
                     [](const json& line) { return line.value("step", int64_t{0}) > 0 || line.contains("diverged"); });
}

std::optional<Divergence> divergence_of(const fs::path& folder) {
  const std::vector<json> lines = read_metrics(folder);
  if (lines.empty() || !lines.back().contains("diverged") || !lines.back()["diverged"].is_string()) return std::nullopt;
  return Divergence{lines.back().value("step", int64_t{0}), lines.back()["diverged"].get<std::string>()};
}

StartedRun load_started_run(const fs::path& folder) {
  StartedRun run{load_run_config(folder), newest_checkpoint(folder), divergence_of(folder), {}};
  if (!run.checkpoint) return run;
  const RunConfig trained = saved_config(run.checkpoint->file);
  const std::vector<ConfigChange> wrong = kept_differences(run.config, trained);
  if (wrong.empty()) return run;
  for (const ConfigField& field : config_fields()) {
    if (!field.changeable) field.set(run.config, field.get(trained));
  }
  run.warnings.push_back(
      fmt::format("warning: {} says {} = {}, but the run was trained with {} ({}); it goes on with its own settings",
                  (folder / "config.toml").string(), wrong.front().key, wrong.front().from, wrong.front().to,
                  run.checkpoint->path.filename().string()));
  return run;
}

}  // namespace kantor
