// kantor study: tests the claims about weight clipping, and reports.
#include "engine/threads.h"
#include "models/data/funnel_pairs.h"
#include "models/files/atomic_file.h"
#include "models/studies/all.h"
#include "models/studies/framework/estimate.h"
#include "models/studies/framework/runner.h"
#include "models/training/config.h"
#include "tools/commands.h"
#include "tools/device_choice.h"
#include "tools/duration.h"
#include "tools/interrupt.h"
#include "tools/study_page.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <unistd.h>

namespace kantor {
namespace {

namespace fs = std::filesystem;

struct StudyArguments {
  std::string name, out, device = "auto", devices, shard, run, images, fused = "auto";
  std::vector<std::string> constraints, pairs;
  bool quick = false, tiny = false, quiet = false, list = false, report = false, estimate = false;
  int64_t seeds = 0, first_seed = 1;
  int jobs = 0, threads = 0;
};

std::vector<std::string> study_names() {
  std::vector<std::string> names;
  for (const Study& study : studies()) names.push_back(study.name);
  return names;
}

StudySettings settings_of(const StudyArguments& arguments) {
  StudySettings settings;
  settings.scale = arguments.tiny ? Scale::tiny : arguments.quick ? Scale::quick : Scale::full;
  settings.seeds = arguments.seeds > 0 ? arguments.seeds : settings.pick<int64_t>(2, 3, 5);
  settings.first_seed = arguments.first_seed;
  settings.constraints = arguments.constraints;
  const auto& kinds = settings.constraints;
  if (std::find(kinds.begin(), kinds.end(), "all") != kinds.end()) settings.constraints = constraint_kinds();
  for (const std::string& source : arguments.pairs) {
    for (std::string& pair : find_pairs(source)) {
      (void)open_pair(pair);  // refused now, even by a study that does not use it
      settings.pairs.push_back(std::move(pair));
    }
  }
  if (!arguments.images.empty()) settings.images = fs::absolute(arguments.images).lexically_normal().string();
  return settings;
}

/// Prints one line for each run that has ended, and the output of a failed one.
void show(const RunnerOptions::Progress& p) {
  if (!p.diverged.empty()) {
    fmt::print(stderr, "{} {}: diverged after {}: {}   [{}/{}, {} to go]\n", p.study, p.id, duration(p.seconds),
               p.diverged, p.done, p.all, duration(p.remaining));
  } else if (p.failure.empty()) {
    fmt::print(stderr, "{} {}: done on {} in {}   [{}/{}, {} to go]\n", p.study, p.id, p.device, duration(p.seconds),
               p.done, p.all, duration(p.remaining));
  } else {
    fmt::print(stderr, "{} {}: FAILED after {}: {}; it is tried again at the next call\n{}", p.study, p.id,
               duration(p.seconds), p.failure, p.log);
  }
}

/// Does one run; this program starts itself with --run for it.
int run_one(const StudyArguments& arguments) {
  if (arguments.threads > 0) set_threads(arguments.threads);
  execute_run(find_study(arguments.name), find_device(arguments.device), arguments.run, parse_fused(arguments.fused));
  return exit_ok;
}

void print_verdicts(const std::vector<const Study*>& chosen, const fs::path& out) {
  for (const Study* study : chosen) {
    const std::vector<std::byte> text = read_file(out / study->name / "result.json");
    const auto* begin = reinterpret_cast<const char*>(text.data());
    const auto result = nlohmann::json::parse(begin, begin + text.size());
    fmt::print("{:<14} {:<10} {}\n", study->name, result.at("verdict").get<std::string>(), study->title);
    if (const size_t missing = result.at("missing").size(); missing > 0) {
      fmt::print(stderr, "{}: {} of {} runs are missing\n", study->name, missing, result.at("runs").dump());
    }
  }
}

std::vector<const Study*> chosen_studies(const std::string& name) {
  if (name != "all") return {&find_study(name)};
  std::vector<const Study*> all;
  for (const Study& study : studies()) all.push_back(&study);
  return all;
}

/// The runs with their settings, one JSON object a line.
int list_runs(const StudyArguments& arguments) {
  for (const Study* study : chosen_studies(arguments.name)) {
    for (const StudyRun& run : study->runs(settings_of(arguments))) {
      fmt::print("{}\n", nlohmann::json{{"study", study->name}, {"id", run.id}, {"settings", run.settings}}.dump());
    }
  }
  return exit_ok;
}

/// What concluding needs: settings, folder and devices.
RunnerOptions options_of(const StudyArguments& arguments) {
  RunnerOptions options;
  options.settings = settings_of(arguments);
  options.out = arguments.out.empty() ? "runs/studies-" + to_string(options.settings.scale) : arguments.out;
  options.devices = choose_devices(arguments.devices, arguments.device, arguments.quiet);
  options.device = options.devices.front();
  return options;
}

/// What the trainings would take; nothing is run.
int estimate(const StudyArguments& arguments) {
  const std::vector<std::string> devices = choose_devices(arguments.devices, arguments.device, arguments.quiet);
  const StudySettings settings = settings_of(arguments);
  StudyEstimate all;
  for (const Study* study : chosen_studies(arguments.name)) {
    const StudyEstimate found =
        estimate_study(*study, settings, find_device(devices.front()), parse_fused(arguments.fused));
    fmt::print("{:<14} {:>12}  {} runs that share launches, {} trained alone, {} not timed\n", study->name,
               duration(found.seconds), found.shared, found.alone, found.unknown);
    all.seconds += found.seconds;
  }
  fmt::print("together       {:>12}, computed from steps timed on one {}: no evaluation is in it\n",
             duration(all.seconds), devices.front());
  return exit_ok;
}

/// The verdicts of what is there; nothing is run.
int report_only(const StudyArguments& arguments) {
  const std::vector<const Study*> chosen = chosen_studies(arguments.name);
  RunnerOptions options = options_of(arguments);
  if (!fs::exists(options.out)) throw FileError(fmt::format("{}: no study to report on", options.out.string()));
  options.on_conclusion = [&](const Study&) { write_study_page(options.out); };
  conclude_studies(chosen, options);
  print_verdicts(chosen, options.out);
  fmt::print("report: {}\n", fs::absolute(options.out / "report.html").string());
  return exit_ok;
}

int run_all(const StudyArguments& arguments) {
  const std::vector<const Study*> chosen = chosen_studies(arguments.name);
  RunnerOptions options = options_of(arguments);
  options.shard = choose_shard(arguments.shard);
  options.together = parse_fused(arguments.fused) != Fused::off;
  if (arguments.threads > 0) set_threads(arguments.threads);
  const Device device = find_device(options.device);
  const int cores = arguments.threads > 0 ? arguments.threads : threads();
  // A processor is used best by runs side by side with one thread each; a few runs share a GPU; several devices have
  // one run each.
  const int usual = options.devices.size() > 1          ? static_cast<int>(options.devices.size())
                    : device.kind == Device::Kind::cuda ? 4
                                                        : cores;
  options.jobs = static_cast<size_t>(arguments.jobs > 0 ? arguments.jobs : usual);
  const std::string each = std::to_string(std::max(1, cores / static_cast<int>(options.jobs)));
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  options.command = [&](const Study& study, const fs::path& folder, const std::string& on) {
    return std::vector<std::string>{self, "study",     study.name, "--run",   folder.string(), "--device",
                                    on,   "--threads", each,       "--fused", arguments.fused};
  };
  if (!options.shard.whole() && !arguments.quiet) {
    fmt::print(stderr, "shard {} of {} ({}): the runs number {}, {}, ... of all\n", options.shard.index,
               options.shard.count, options.shard.source, options.shard.index,
               options.shard.index + options.shard.count);
  }
  if (!arguments.quiet) options.on_run = show;
  options.on_conclusion = [&](const Study&) { write_study_page(options.out); };
  options.should_stop = [] { return interrupt() != 0; };
  catch_interrupts();
  const RunnerResult result = run_studies(chosen, options);
  if (result.interrupted) {
    fmt::print(stderr, "stopped; the same command goes on where this one was\n");
    return 128 + interrupt();
  }
  if (result.shared.launches > 0 && !arguments.quiet) {
    fmt::print(stderr, "{} trainings shared {} launches\n", result.shared.runs, result.shared.launches);
  }
  print_verdicts(chosen, options.out);
  fmt::print("report: {}\n", fs::absolute(options.out / "report.html").string());
  if (result.diverged > 0) {
    fmt::print(stderr, "{} runs diverged: the report names them, and no verdict counts them\n", result.diverged);
  }
  if (result.failed == 0) return result.diverged == 0 ? exit_ok : exit_diverged;
  fmt::print(stderr, "{} runs failed; the same command tries them again\n", result.failed);
  return exit_failure;
}

}  // namespace

void add_study(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("study", "try a claim about weight clipping: runs, figures, verdict, report");
  const auto a = std::make_shared<StudyArguments>();
  command->add_option("name", a->name, fmt::format("{}, or all", fmt::join(study_names(), ", ")))->required();
  command->add_flag("--quick", a->quick, "minutes instead of hours: smaller settings, 3 seeds instead of 5");
  command->add_option("--out", a->out, "the folder of the results (default runs/studies-quick or -full)")
      ->type_name("FOLDER");
  command->add_option("--seeds", a->seeds, "how many; a verdict needs 3 in quick settings, 5 in full ones")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  command->add_option("--seed", a->first_seed, "the first seed")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  std::vector<std::string> kinds = constraint_kinds();
  kinds.emplace_back("all");
  command
      ->add_option("--constraints", a->constraints,
                   "further constraints to show in each study besides its own, or all; they are not judged")
      ->check(CLI::IsMember(kinds))
      ->type_name("KIND");
  command
      ->add_option("--pairs", a->pairs,
                   "benchmark-w1: folders of pairs (centers.npy, offsets.npy) or folders that hold such, published "
                   "ones by name (d2_n4), or new ones by seed (d2_n4:7)")
      ->type_name("FOLDER");
  command->add_option("--images", a->images, "samples: a folder with MNIST's four IDX files, instead of Fashion-MNIST")
      ->type_name("FOLDER")
      ->check(CLI::ExistingDirectory);
  command->add_option("--jobs", a->jobs, "runs side by side, in processes (default: the threads)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command->add_option("--threads", a->threads, "CPU threads over all runs (default: all); no result depends on it")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command->add_option("--device", a->device, "auto, cpu, sim, cuda, cuda:N")->type_name("NAME")->capture_default_str();
  add_dealing(*command, a->devices, a->shard);
  command
      ->add_option("--fused", a->fused,
                   "on cuda and sim: auto trains small networks by one kernel, many runs in the same launches; off "
                   "takes recorded steps, a process a run")
      ->check(CLI::IsMember({"auto", "off"}))
      ->type_name("WHEN")
      ->capture_default_str();
  command->add_flag("--report", a->report, "run nothing: conclude from what is there, and tell what is missing");
  command->add_flag("--estimate", a->estimate,
                    "run nothing: time some steps of each kind of training, and compute what all of them take");
  command->add_flag("--quiet", a->quiet, "print the verdicts only");
  command->add_flag("--list", a->list, "print the runs with their settings as JSON, one a line, and stop");
  command->add_option("--run", a->run, "do only the run whose settings.json lies in this folder")->type_name("FOLDER");
  command->add_flag("--tiny", a->tiny, "for tests: every line in seconds, nothing shown")->group("");
  command->footer(
      "Example: kantor study pile-up --quick --out runs/studies-quick\n"
      "A study that was stopped goes on with the same command; finished runs are kept. A verdict that reads \"not "
      "shown\" exits 0 too.");
  command->callback([a, &exit_code] {
    exit_code = a->list          ? list_runs(*a)
                : a->estimate    ? estimate(*a)
                : a->report      ? report_only(*a)
                : a->run.empty() ? run_all(*a)
                                 : run_one(*a);
  });
}

}  // namespace kantor
