// kantor compare: the same training under several constraints and seeds, one report over all.
#include "models/training/run.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/run_arguments.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

using nlohmann::json;

struct CompareArguments {
  RunArguments run;
  std::vector<std::string> constraints;
  std::vector<int64_t> seeds;
};

/// The last value of every key of a run's metrics.
json last_values(const std::filesystem::path& folder) {
  json values = json::object();
  std::ifstream file(folder / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    if (const json parsed = json::parse(line, nullptr, false); parsed.is_object()) values.update(parsed);
  }
  return values;
}

/// A number of a metric, "-" where it was not measured.
std::string cell(const json& values, const char* key, const char* format = "{:.3f}") {
  if (!values.contains(key)) return "-";
  return fmt::format(fmt::runtime(format), values[key].get<double>());
}

void print_table(const std::vector<std::pair<std::string, std::filesystem::path>>& runs) {
  constexpr const char* row = "{:<14} {:>6} {:>9} {:>9} {:>7} {:>9} {:>10} {:>9} {:>10} {:>9}\n";
  fmt::print(row, "constraint", "seed", "W1", "floor", "modes", "quality", "estimate", "|grad|", "saturated",
             "ms/step");
  for (const auto& [constraint, folder] : runs) {
    const json v = last_values(folder);
    const std::string name = folder.filename().string();
    const std::string modes =
        v.contains("modes") ? fmt::format("{}/{}", v["modes"].get<int>(), v["mode_count"].get<int>()) : "-";
    fmt::print(row, constraint, name.substr(name.rfind('-') + 1), cell(v, "w1"), cell(v, "w1_floor"), modes,
               cell(v, "high_quality"), cell(v, "critic_estimate"), cell(v, "gradient_norm_mean"),
               cell(v, "saturation"), cell(v, "step_milliseconds", "{:.2f}"));
  }
}

int run(CompareArguments arguments) {
  if (arguments.constraints.empty()) arguments.constraints = {"clip", "penalty"};
  if (arguments.seeds.empty()) arguments.seeds = {-1};
  std::vector<RunConfig> configs;  // all checked before the first trains
  for (const std::string& constraint : arguments.constraints) {
    for (const int64_t seed : arguments.seeds) configs.push_back(arguments.run.run_config(constraint, seed));
  }
  if (arguments.run.print_config) {
    for (const RunConfig& config : configs) fmt::print("# {}\n{}\n", config.constraint.kind, to_toml(config, true));
    return exit_ok;
  }
  const Device device = arguments.run.use_machine();
  const std::filesystem::path folder = arguments.run.folder(configs.front().name);
  std::vector<std::pair<std::string, std::filesystem::path>> runs;
  std::vector<std::filesystem::path> folders;
  int code = exit_ok;
  for (const RunConfig& config : configs) {
    const auto run_folder = folder / fmt::format("{}-{}", config.constraint.kind, config.seed);
    runs.emplace_back(config.constraint.kind, run_folder);
    folders.push_back(run_folder);
    code = train_with_progress(config, run_folder.string(), device, false, arguments.run);
    if (code != exit_ok) break;
  }
  write_report(folders, folder / "report.html");
  if (!arguments.run.json) print_table(runs);
  if (!arguments.run.quiet) fmt::print(stderr, "report: {}\n", (folder / "report.html").string());
  return code;
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("compare", "train under several constraints and seeds, and report side by side");
  const auto arguments = std::make_shared<CompareArguments>();
  arguments->run.add_to(*command);
  command->add_option("--constraint", arguments->constraints, "a constraint; repeatable (default: clip and penalty)")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--seed", arguments->seeds, "a seed; repeatable (default: the preset's)")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  command->footer("Example: kantor compare --preset ring8 --constraint clip --constraint penalty --seed 1 --seed 2");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
