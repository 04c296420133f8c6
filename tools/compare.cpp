// kantor compare: the same training under several constraints and seeds, one report over all.
#include "models/training/run.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/run_arguments.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace kantor {
namespace {

struct CompareArguments {
  RunArguments run;
  std::vector<std::string> constraints;
  std::vector<int64_t> seeds;
};

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
  std::vector<std::filesystem::path> folders;
  int code = exit_ok;
  for (const RunConfig& config : configs) {
    const auto run_folder = folder / fmt::format("{}-{}", config.constraint.kind, config.seed);
    folders.push_back(run_folder);
    code = train_with_progress(config, run_folder.string(), device, false, arguments.run);
    if (code != exit_ok) break;
  }
  write_report(folders, folder / "report.html");
  if (!arguments.run.json) print_summary(folders);
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
