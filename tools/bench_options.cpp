// What the subcommands of `kantor bench` share: options, progress, files.
#ifdef KANTOR_HAS_BENCH
#include "bench/run_suite.h"
#include "engine/threads.h"
#include "models/files/atomic_file.h"
#include "tools/bench.h"
#include "tools/device_choice.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

/// A line a row, with the time that the rest will take: as long a row as those before, and not beyond the budget.
class Progress {
 public:
  explicit Progress(double budget) : budget_(budget) {}
  void operator()(const std::string& row, size_t done, size_t all) const {
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double left = std::max(0.0, budget_ - spent);
    const double rest =
        done == 0 ? left : std::min(left, spent / static_cast<double>(done) * static_cast<double>(all - done));
    fmt::print(stderr, "[{}/{}] {}: {:.0f} s left\n", done + 1, all, row, rest);
  }

 private:
  double budget_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

void add_bench_options(CLI::App& command, BenchArguments& arguments) {
  command.add_option("--device", arguments.device, "auto, cpu, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--threads", arguments.threads, "CPU threads (default: all)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--filter", arguments.filter, "only rows whose name and size have this text or regular expression")
      ->type_name("TEXT");
  command.add_flag("--quick", arguments.quick, "small sizes, briefly");
  auto* cold = command.add_flag("--cold", arguments.cold, "only with the caches overwritten before each run");
  command.add_flag("--warm", arguments.warm, "only with operands where the run before has left them")->excludes(cold);
  command
      .add_option("--repetitions", arguments.repetitions,
                  "of each row; the median is taken over them (default: 3 to 11, as the budget allows)")
      ->type_name("N")
      ->check(CLI::Range(1, 10000));
  command.add_option("--min-time", arguments.min_time, "seconds of one repetition, at least one step")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  command
      .add_option("--budget", arguments.budget,
                  "seconds for all, which the rows share (default: 60 on a GPU, 180 elsewhere)")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  command.add_option("--json", arguments.json, "also write the figures into this file")->type_name("FILE");
  command.add_option("--csv", arguments.csv, "also write a line a row into this file")->type_name("FILE");
}

BenchOptions bench_options(const BenchArguments& arguments, bool quiet) {
  if (arguments.threads > 0) set_threads(arguments.threads);
  BenchOptions options;
  options.device = choose_device(arguments.device, quiet);
  options.quick = arguments.quick;
  options.min_time = arguments.min_time;
  options.budget = arguments.budget;
  options.repetitions = arguments.repetitions;
  options.warm = !arguments.cold;
  options.cold = !arguments.warm;
  options.filter = arguments.filter;
  options.on_row = Progress(options.seconds());
  return options;
}

int finish_bench(const nlohmann::json& result, const BenchArguments& arguments) {
  fmt::print("{}", bench_table(result));
  if (!arguments.json.empty()) write_file_atomically(arguments.json, std::string_view(result.dump(2) + "\n"));
  if (!arguments.csv.empty()) write_file_atomically(arguments.csv, std::string_view(bench_csv(result)));
  const auto failed = [](const nlohmann::json& row) { return !row_failure(row).empty(); };
  return std::any_of(result["rows"].begin(), result["rows"].end(), failed) ? exit_failure : exit_ok;
}

int run_bench(SuiteRun run, const BenchOptions& options, const BenchArguments& arguments) {
  return finish_bench(run_suite(std::move(run), options), arguments);
}

}  // namespace kantor
#endif
