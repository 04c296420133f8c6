// kantor compare: the same training under several constraints and seeds, one report over all.
#include "models/files/atomic_file.h"
#include "models/training/config_toml.h"
#include "models/training/resume.h"
#include "models/training/run.h"
#include "models/training/run_folder.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/report_page.h"
#include "tools/run_arguments.h"
#include "tools/summary.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <set>

namespace kantor {
namespace {

namespace fs = std::filesystem;

struct CompareArguments {
  RunArguments run;
  std::vector<std::string> constraints;
  std::vector<int64_t> seeds;
};

/// One training of the comparison.
struct Arm {
  fs::path folder;
  RunConfig config;
  bool resume = false;    // its folder exists already
  bool done = false;      // has ended; nothing is trained
  bool diverged = false;  // it ended by diverging
};

std::vector<Arm> new_arms(const CompareArguments& arguments) {
  std::vector<Arm> arms;
  for (const std::string& constraint : arguments.constraints) {
    for (const int64_t seed : arguments.seeds) arms.push_back({{}, arguments.run.run_config(constraint, seed)});
  }
  return arms;
}

/// Gives each arm its folder. Throws ConfigError where two arms are the same.
void place(std::vector<Arm>& arms, const fs::path& folder) {
  std::set<fs::path> taken;
  for (Arm& arm : arms) {
    arm.folder = folder / fmt::format("{}-{}", arm.config.constraint.kind, arm.config.seed);
    if (!taken.insert(arm.folder).second) {
      throw ConfigError(fmt::format("{} with seed {} is named twice; each constraint and seed once",
                                    arm.config.constraint.kind, arm.config.seed));
    }
  }
}

/// The run folders of a comparison, in the order of their names.
std::vector<fs::path> runs_below(const fs::path& folder) {
  std::vector<fs::path> runs;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (fs::exists(entry.path() / "config.toml")) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

/// A new comparison. Throws FileError where its folder holds one.
std::vector<Arm> begin(CompareArguments arguments, const fs::path& folder) {
  if (arguments.constraints.empty()) arguments.constraints = {"clip", "penalty"};
  if (arguments.seeds.empty()) arguments.seeds = {-1};
  std::vector<Arm> arms = new_arms(arguments);
  place(arms, folder);
  for (const fs::path& run : runs_below(folder)) {
    throw FileError(fmt::format("{} holds a comparison already ({}); go on with --resume, or choose another --out",
                                folder.string(), run.filename().string()));
  }
  return arms;
}

/// Throws ConfigError if these options differ from those of the comparison: an arm that is added with them would be
/// trained differently from the existing arms.
void check_same_options(const RunArguments& arguments, const std::vector<fs::path>& runs, const Arm& added) {
  for (const fs::path& run : runs) {
    const RunConfig own = load_run_config(run);
    const auto differences = kept_differences(own, arguments.run_config(own.constraint.kind, own.seed));
    if (differences.empty()) continue;
    const ConfigChange& first = differences.front();
    throw ConfigError(fmt::format(
        "--resume: {} is not in this comparison yet, and would be trained otherwise than {}: {} is {} there, and {} by "
        "these options; repeat the comparison's own options, or leave {} out",
        added.folder.filename().string(), run.filename().string(), first.key, first.from, first.to,
        added.folder.filename().string()));
  }
}

/// The constraints and seeds that the runs have.
void fill_in(CompareArguments& arguments, const std::vector<fs::path>& runs) {
  std::set<std::string> constraints;
  std::set<int64_t> seeds;
  for (const fs::path& run : runs) {
    const RunConfig config = load_run_config(run);
    constraints.insert(config.constraint.kind);
    seeds.insert(config.seed);
  }
  if (arguments.constraints.empty()) arguments.constraints.assign(constraints.begin(), constraints.end());
  if (arguments.seeds.empty()) arguments.seeds.assign(seeds.begin(), seeds.end());
}

/// The arms of a started comparison: those that the options name, which may be new ones, or all of its folder.
std::vector<Arm> resume(CompareArguments arguments, const fs::path& folder) {
  const std::vector<fs::path> runs = runs_below(folder);
  if (runs.empty()) throw FileError(fmt::format("{}: no comparison to go on with", folder.string()));
  std::vector<Arm> arms;
  if (arguments.constraints.empty() && arguments.seeds.empty()) {
    for (const fs::path& run : runs) arms.push_back({run, {}});
  } else {
    fill_in(arguments, runs);
    arms = new_arms(arguments);
    place(arms, folder);
  }
  for (Arm& arm : arms) {
    arm.resume = fs::exists(arm.folder / "config.toml");
    if (!arm.resume) {
      check_same_options(arguments.run, runs, arm);
      continue;
    }
    const auto resumed = arguments.run.resumed_run(arm.folder, "", -1);
    arm.config = resumed.config;
    arm.done = resumed.done;
    arm.diverged = resumed.diverged;
  }
  return arms;
}

/// Trains the arms that have not ended. A diverged arm is a result, and the others continue. Returns the exit code.
int train_all(const std::vector<Arm>& arms, Device device, const RunArguments& arguments) {
  int code = exit_ok;
  for (const Arm& arm : arms) {
    if (arm.done) {
      if (arm.diverged) code = exit_diverged;
      continue;
    }
    const int ended = train_with_progress(arm.config, arm.folder.string(), device, arm.resume, arguments);
    if (ended != exit_ok) code = ended;
    if (interrupt() != 0) break;
  }
  return code;
}

/// Writes what each new arm will be trained with, so that --resume finds those that an interruption left out.
void make_run_folders(std::vector<Arm>& arms) {
  for (Arm& arm : arms) {
    if (arm.resume) continue;
    std::error_code error;
    fs::create_directories(arm.folder, error);
    if (error) throw FileError(fmt::format("cannot make {}: {}", arm.folder.string(), error.message()));
    write_file_atomically(arm.folder / "config.toml", to_toml(arm.config, true));
  }
}

/// The run folders of the arms in their order, then the other runs in the folder.
std::vector<fs::path> all_runs(const std::vector<Arm>& arms, const fs::path& folder) {
  std::vector<fs::path> runs;
  runs.reserve(arms.size());
  for (const Arm& arm : arms) runs.push_back(arm.folder);
  for (const fs::path& run : runs_below(folder)) {
    if (std::find(runs.begin(), runs.end(), run) == runs.end()) runs.push_back(run);
  }
  return runs;
}

int run(const CompareArguments& arguments) {
  if (arguments.run.resume && arguments.run.out.empty()) {
    throw ConfigError("--resume needs --out DIR, the folder of the comparison to go on with");
  }
  fs::path folder = arguments.run.out;
  std::vector<Arm> arms = arguments.run.resume ? resume(arguments, folder) : begin(arguments, folder);
  if (arguments.run.print_config) {
    for (const Arm& arm : arms) fmt::print("# {}\n{}\n", arm.config.constraint.kind, to_toml(arm.config, true));
    return exit_ok;
  }
  const Device device = arguments.run.use_machine();
  if (folder.empty()) {
    folder = arguments.run.folder(arms.front().config.name);
    place(arms, folder);
  }
  for (const Arm& arm : arms) check_run(arm.config, device);
  make_run_folders(arms);
  const int code = train_all(arms, device, arguments.run);
  const std::vector<fs::path> runs = all_runs(arms, folder);
  write_report(runs, folder / "report.html");
  if (!arguments.run.json) print_summary(runs);
  if (!arguments.run.quiet) fmt::print(stderr, "report: {}\n", (folder / "report.html").string());
  return code;
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("compare", "train under several constraints and seeds, and report side by side");
  const auto arguments = std::make_shared<CompareArguments>();
  arguments->run.add_to(*command);
  command->add_option("--constraint", arguments->constraints, "a constraint; repeatable (default: clip and penalty)")
      ->type_name("NAME")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--seed", arguments->seeds, "a seed; repeatable (default: the preset's)")
      ->type_name("N")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  command->footer("Example: kantor compare --preset ring8 --constraint clip --constraint penalty --seed 1 --seed 2");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
