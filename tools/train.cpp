// kantor train: one run.
#include "models/data/open_dataset.h"
#include "models/training/config_toml.h"
#include "models/training/run.h"
#include "models/training/trainer.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/report_page.h"
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
  bool explain = false;
};

RunConfig config_of(const TrainArguments& arguments) {
  if (!arguments.run.resume) return arguments.run.run_config(arguments.constraint, arguments.seed);
  if (arguments.run.out.empty()) throw ConfigError("--resume needs --out DIR, the folder of the run to go on with");
  return arguments.run.resumed_run(arguments.run.out, arguments.constraint, arguments.seed).config;
}

/// Three steps without a folder: then a replay is what it will be.
int explain(const RunConfig& config, Device device) {
  Trainer trainer(config, open_dataset(config.data), device);
  for (int i = 0; i < 3; ++i) trainer.step();
  fmt::print("{}\na step ({} updates of the critic, one of the generator) is {} {} on {}\n", trainer.explanation(),
             config.critic_steps, trainer.launches(), device.kind == Device::Kind::cpu ? "ops" : "launches",
             to_string(device));
  return exit_ok;
}

int run(const TrainArguments& arguments) {
  const RunConfig config = config_of(arguments);
  if (arguments.run.print_config) {
    fmt::print("{}", to_toml(config, true));
    return exit_ok;
  }
  const Device device = arguments.run.use_machine();
  if (arguments.explain) return explain(config, device);
  const std::string folder =
      arguments.run.folder(fmt::format("{}-{}-{}", config.name, config.constraint.kind, config.seed));
  const int code = train_with_progress(config, folder, device, arguments.run.resume, arguments.run);
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
  command
      ->add_option(
          "--constraint", arguments->constraint,
          fmt::format("{} (default: penalty), several that all hold joined by +, such as r1+r2; a preset takes its "
                      "customary optimizer with it, --config keeps its own",
                      fmt::join(constraint_kinds(), ", ")))
      ->type_name("NAME");
  command->add_option("--seed", arguments->seed, "of all random numbers (default: the preset's, 1)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--explain", arguments->explain,
                    "do three steps, print the ops of a step as they are written and as they are replayed, and stop");
  command->footer(
      "Example: kantor train --preset ring8 --constraint clip --set train.steps=2000 --seed 1 --out runs/a");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
