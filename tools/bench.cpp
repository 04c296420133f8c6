// kantor bench: microbenchmarks of clipping and of the penalty. Needs Google Benchmark at build time.
#include "engine/error.h"
#include "engine/threads.h"
#include "models/files/atomic_file.h"
#include "tools/commands.h"
#include "tools/device_choice.h"

#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#ifdef KANTOR_HAS_BENCH
#include "bench/clip_vs_penalty.h"
#endif

namespace kantor {
namespace {

struct BenchArguments {
  std::string device = "auto", json;
  int threads = 0;
  bool quick = false;
  double min_time = 0.02, budget = 0;
};

int run([[maybe_unused]] const BenchArguments& arguments) {
#ifdef KANTOR_HAS_BENCH
  if (arguments.threads > 0) set_threads(arguments.threads);
  BenchOptions options;
  options.device = choose_device(arguments.device, false);
  options.quick = arguments.quick;
  options.min_time = arguments.min_time;
  options.budget = arguments.budget;
  options.on_row = [](const std::string& row, size_t done, size_t all) {
    fmt::print(stderr, "[{}/{}] {}\n", done + 1, all, row);
  };
  const nlohmann::json result = clip_vs_penalty(options);
  fmt::print("{}", bench_table(result));
  if (!arguments.json.empty()) write_file_atomically(arguments.json, std::string_view(result.dump(2) + "\n"));
  return exit_ok;
#else
  throw Error("this build holds no benchmarks: install libbenchmark-dev (tools/setup test does) and build again");
#endif
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bench", "microbenchmarks: time, counted bytes, share of the machine's own rates");
  command->require_subcommand(1);
  auto* versus = command->add_subcommand(
      "clip-vs-penalty",
      "the kernels of clipping and of the penalty by size, and the price of clipping and of penalties a step");
  const auto arguments = std::make_shared<BenchArguments>();
  versus->add_option("--device", arguments->device, "auto, cpu, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  versus->add_option("--threads", arguments->threads, "CPU threads (default: all)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  versus->add_option("--json", arguments->json, "also write the figures into this file")->type_name("FILE");
  versus->add_flag("--quick", arguments->quick, "small sizes, briefly");
  versus->add_option("--min-time", arguments->min_time, "seconds of one repetition of a row")
      ->type_name("SECONDS")
      ->check(CLI::Range(1e-4, 10.0))
      ->capture_default_str();
  versus->add_option("--budget", arguments->budget, "seconds for all rows (default: 60 on a GPU, 180 elsewhere)")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  const char* example = "Example: kantor bench clip-vs-penalty --device cpu --json a.json";
  command->footer(example);
  versus->footer(example);
  versus->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
