// kantor train: one run.
#include "models/training/run.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/run_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace kantor {
namespace {

struct TrainArguments {
  RunArguments run;
  std::string constraint;
  int64_t seed = -1;
  bool resume = false;
};

/// A resumed run takes its folder's configuration; --set may change what decides no numbers, such as train.steps.
RunConfig resumed_config(const TrainArguments& arguments) {
  if (arguments.run.out.empty()) throw ConfigError("--resume needs --out DIR, the folder of the run to go on with");
  RunConfig config = load_run_config(arguments.run.out);
  for (const std::string& setting : arguments.run.settings) apply_setting(config, setting);
  return config;
}

int run(const TrainArguments& arguments) {
  const RunConfig config =
      arguments.resume ? resumed_config(arguments) : arguments.run.run_config(arguments.constraint, arguments.seed);
  if (arguments.run.print_config) {
    fmt::print("{}", to_toml(config, true));
    return exit_ok;
  }
  const Device device = arguments.run.use_machine();
  const std::string folder =
      arguments.run.folder(fmt::format("{}-{}-{}", config.name, config.constraint.kind, config.seed));
  const int code = train_with_progress(config, folder, device, arguments.resume, arguments.run);
  const auto report = std::filesystem::path(folder) / "report.html";
  write_report({folder}, report);
  if (!arguments.run.quiet) fmt::print(stderr, "report: {}\n", report.string());
  return code;
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("train", "train a WGAN into a run folder: metrics, pictures, checkpoints, report");
  const auto arguments = std::make_shared<TrainArguments>();
  arguments->run.add_to(*command);
  command->add_option(
      "--constraint", arguments->constraint,
      fmt::format("{} (default: penalty); a preset takes its customary optimizer with it, --config keeps its own",
                  fmt::join(constraint_kinds(), ", ")));
  command->add_option("--seed", arguments->seed, "of all random numbers (default: the preset's, 1)")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--resume", arguments->resume,
                    "go on with the run in --out from its newest checkpoint, bit for bit");
  command->footer(
      "Example: kantor train --preset ring8 --constraint clip --set train.steps=2000 --seed 1 --out runs/a");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
