// kantor compare: the same training under several constraints, settings and seeds, one report over all.
#include "engine/threads.h"
#include "models/ensemble/shard.h"
#include "models/ensemble/table.h"
#include "models/ensemble/train_runs.h"
#include "models/files/atomic_file.h"
#include "models/files/folder_lock.h"
#include "models/training/config_fields.h"
#include "models/training/config_toml.h"
#include "models/training/memory.h"
#include "models/training/resume.h"
#include "models/training/run.h"
#include "models/training/run_folder.h"
#include "tools/commands.h"
#include "tools/comparison.h"
#include "tools/device_choice.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/report_page.h"
#include "tools/run_arguments.h"
#include "tools/runs_progress.h"
#include "tools/summary.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

namespace fs = std::filesystem;

struct CompareArguments {
  RunArguments run;
  ComparisonArguments product;
  std::string devices, shard, one;
  int jobs = 0;
  bool report = false;
};

constexpr size_t quick_report = 200;  // runs whose report is written on the way out of an interruption

/// Trains the one run in a folder; this program starts itself with --run for it.
int run_one(const CompareArguments& arguments) {
  const RunArguments::Resumed resumed = arguments.run.resumed_run(arguments.one, "", -1);
  const Device device = arguments.run.use_machine();
  return train_with_progress(resumed.config, arguments.one, device, true, arguments.run);
}

/// The command that trains one run, on what `run` asks for beyond the folder's config.toml.
std::vector<std::string> command_of(const RunArguments& arguments, const EnsembleRun& run, const std::string& device,
                                    int threads) {
  std::vector<std::string> words{fs::read_symlink("/proc/self/exe").string(),
                                 "compare",
                                 "--run",
                                 run.folder.string(),
                                 "--device",
                                 device,
                                 "--threads",
                                 std::to_string(threads)};
  for (const std::string& word : arguments.machine_words()) words.push_back(word);
  const RunConfig own = load_run_config(run.folder);
  for (const ConfigChange& change : changeable_differences(own, run.config)) {
    words.insert(words.end(), {"--set", change.key + "=" + change.to});
  }
  return words;
}

/// Writes runs.csv, runs.json and report.html over all runs in the folder, prints the table, and tells what is missing.
void write_results(const fs::path& folder, const RunArguments& arguments) {
  const FolderLock among_shards(folder, FolderLock::Mode::waiting);
  const RunTable table = read_table(runs_below(folder));
  const std::vector<Cell> cells = cells_of(table);
  write_file_atomically(folder / "runs.csv", to_csv(table));
  write_file_atomically(folder / "runs.json", to_json(table, cells).dump(1) + "\n");
  write_report(table, cells, folder / "report.html");
  if (!arguments.json) print_summary(table, cells);
  const size_t missing = table.count(RunRow::State::missing);
  if (missing > 0) {
    fmt::print(stderr, "{} of {} runs are missing: not started, or not at their last step\n", missing,
               table.rows.size());
  }
  if (!arguments.quiet) fmt::print(stderr, "report: {}\n", (folder / "report.html").string());
}

int report_only(const CompareArguments& arguments) {
  const fs::path folder = arguments.run.out;
  if (folder.empty()) throw ConfigError("--report needs --out DIR, the folder of the comparison to report on");
  if (runs_below(folder).empty()) throw FileError(fmt::format("{}: no comparison to report on", folder.string()));
  write_results(folder, arguments.run);
  return exit_ok;
}

/// Runs side by side: as asked for; else one for each of several devices, and on processors one for each thread, as far
/// as their memory goes.
size_t jobs_of(const CompareArguments& arguments, const std::vector<std::string>& devices,
               const std::vector<EnsembleRun>& runs) {
  size_t jobs = arguments.jobs > 0 ? static_cast<size_t>(arguments.jobs) : devices.size();
  if (arguments.jobs == 0 && devices == std::vector<std::string>{"cpu"} && !runs.empty()) {
    jobs = std::min(static_cast<size_t>(threads()), runs_in_memory(runs.front().config));
  }
  return std::max<size_t>(1, std::min(jobs, runs.size()));
}

void tell_plan(const Comparison& comparison, const Shard& shard, const std::vector<EnsembleRun>& own, size_t to_do,
               size_t jobs, const std::vector<std::string>& devices, int threads) {
  std::string text = comparison.product;
  if (!shard.whole()) {
    text += fmt::format("; shard {} of {} ({}): {} of them, number {}, {}, ...", shard.index, shard.count, shard.source,
                        own.size(), shard.index, shard.index + shard.count);
  }
  if (to_do < own.size()) text += fmt::format("; {} have ended already", own.size() - to_do);
  if (to_do > 0) {
    text += fmt::format("; {} at a time on {}, {} thread{} each", jobs, fmt::join(devices, ", "), threads,
                        threads == 1 ? "" : "s");
  }
  fmt::print(stderr, "{}\n", text);
}

/// What brings the runs to their end after an interruption.
std::string go_on_command(const CompareArguments& arguments, const fs::path& folder, const Shard& shard) {
  const std::string part =
      shard.source == "--shard" ? fmt::format(" --shard {}/{}", shard.index, shard.count) : std::string();
  const std::string resume = fmt::format("kantor compare --resume --out {}{}", folder.string(), part);
  return arguments.run.out.empty() ? resume : fmt::format("the same command, or {}", resume);
}

int train_all(const CompareArguments& arguments, const Comparison& comparison, const std::vector<EnsembleRun>& own,
              const Shard& shard, const std::vector<std::string>& devices, const fs::path& folder) {
  std::vector<EnsembleRun> to_do;
  for (const EnsembleRun& run : own) {
    if (!has_ended(run)) to_do.push_back(run);
  }
  TrainRunsOptions options;
  options.devices = devices;
  options.jobs = jobs_of(arguments, devices, to_do);
  options.together = parse_fused(arguments.run.fused) != Fused::off && !arguments.run.eager;
  const int each = std::max(1, threads() / static_cast<int>(options.jobs));
  if (!arguments.run.quiet) tell_plan(comparison, shard, own, to_do.size(), options.jobs, devices, each);
  RunsProgress progress(arguments.run.quiet);
  options.command = [&](const EnsembleRun& run, const std::string& device) {
    return command_of(arguments.run, run, device, each);
  };
  options.on_end = [&](const RunEnd& end) { progress.show(end); };
  options.on_tick = [&](const RunsState& state) { progress.show(state); };
  if (arguments.run.json) {
    options.on_line = [](const EnsembleRun& run, nlohmann::json line) {
      line["run"] = run.name;
      line["steps"] = run.config.steps;
      fmt::print("{}\n", line.dump());
    };
  }
  options.should_stop = [] { return interrupt() != 0; };
  catch_interrupts();
  const TrainRunsResult result = train_runs(to_do, options);
  progress.finish();
  if (!result.interrupted || own.size() <= quick_report) write_results(folder, arguments.run);
  if (result.interrupted) {
    fmt::print(stderr, "stopped; go on with {}\n", go_on_command(arguments, folder, shard));
    return 128 + interrupt();
  }
  if (result.failed > 0) {
    fmt::print(stderr, "{} runs failed; try them again with {}\n", result.failed,
               go_on_command(arguments, folder, shard));
    return result.failure_code;
  }
  const bool any_diverged =
      std::any_of(own.begin(), own.end(), [](const EnsembleRun& run) { return divergence_of(run.folder).has_value(); });
  return any_diverged ? exit_diverged : exit_ok;
}

int run(const CompareArguments& arguments) {
  if (!arguments.one.empty()) return run_one(arguments);
  if (arguments.report) return report_only(arguments);
  const Shard shard = choose_shard(arguments.shard);
  for (const auto& [wanted, option] :
       {std::pair{arguments.run.resume, "--resume"}, std::pair{!shard.whole(), "--shard"}}) {
    if (!wanted || !arguments.run.out.empty()) continue;
    throw ConfigError(fmt::format("{} needs --out DIR, the folder of the comparison{}", option,
                                  arguments.run.resume ? " to go on with" : ", which all shards share"));
  }
  fs::path folder = arguments.run.out;
  if (folder.empty()) folder = arguments.run.folder(arguments.run.run_config("", -1).name);
  const Comparison comparison = plan_comparison(arguments.run, arguments.product, folder);
  if (arguments.run.print_config) {
    for (const EnsembleRun& run : comparison.runs) fmt::print("# {}\n{}\n", run.name, to_toml(run.config, true));
    return exit_ok;
  }
  const std::vector<std::string> devices = arguments.run.machine_of_others(arguments.devices);
  std::vector<RunConfig> configs;
  for (const EnsembleRun& run : comparison.runs) configs.push_back(run.config);
  check_runs(configs, find_device(devices.front()));
  make_run_folders(comparison, folder);
  std::vector<EnsembleRun> own;
  for (size_t i = 0; i < comparison.runs.size(); ++i) {
    if (shard.has(static_cast<int64_t>(i) + 1)) own.push_back(comparison.runs[i]);
  }
  return train_all(arguments, comparison, own, shard, devices, folder);
}

CLI::Option* repeatable(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                        const std::string& text) {
  return command.add_option(name, values, text)->expected(1)->take_all()->allow_extra_args(false);
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("compare", "train under several constraints, settings and seeds, and report side by side");
  const auto a = std::make_shared<CompareArguments>();
  a->run.add_to(*command);
  repeatable(*command, "--constraint", a->product.constraints, "a constraint; repeatable (default: clip and penalty)")
      ->type_name("NAME");
  repeatable(*command, "--seed", a->product.seeds,
             "a seed, a list of them or a range: 1..100, 1,2,7; repeatable (default: the preset's)")
      ->type_name("LIST");
  repeatable(*command, "--sweep", a->product.sweeps,
             "values of one key of the configuration, each a run: critic.lambda=0.1,1,10; repeatable")
      ->type_name("KEY=LIST");
  command
      ->add_option("--jobs", a->jobs,
                   "runs side by side, in processes (default: the threads on the cpu, else one for each device)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  add_dealing(*command, a->devices, a->shard);
  command->add_flag("--report", a->report,
                    "train nothing: write the report over what --out holds, and what is missing");
  command->add_option("--run", a->one, "train only the run in this folder")->type_name("DIR")->group("");
  command->footer(
      "Example: kantor compare --preset ring8 --constraint clip --constraint penalty --seed 1..5\n"
      "Example: kantor compare --constraint penalty --sweep critic.lambda=0.1,1,10 --seed 1..5 --out runs/sweep\n"
      "A comparison that was stopped goes on with the same command; runs that have ended are kept.");
  command->callback([a, &exit_code] { exit_code = run(*a); });
}

}  // namespace kantor
