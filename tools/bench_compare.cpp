// kantor bench compare, ab and serve: two files or two programs, row by row; report: figures as a page.
#include "tools/bench_compare.h"

#include "engine/threads.h"
#include "models/files/atomic_file.h"
#include "tools/bench_page.h"
#include "tools/commands.h"
#include "tools/device_choice.h"

#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#ifdef KANTOR_HAS_BENCH
#include "bench/ab.h"
#include "bench/compare_results.h"
#include "bench/result_file.h"
#include "bench/serve.h"
#endif

namespace kantor {
namespace {

struct CompareArguments {
  std::string a, b, json, filter;
  double least = 0.05, level = 0.99;
  bool cold = false, different = false;
};

struct ServeArguments {
  std::string suite, device = "cpu";
  int threads = 0;
  bool quick = false;
};

struct AbArguments {
  std::string a, b, suite = "clip-vs-penalty", filter, device = "cpu", json;
  int threads = 0, starts = 18;
  double seconds = 2, least = 0.025, timeout = 60;
  uint64_t seed = 1;
  bool quick = false, different = false;
};

#ifdef KANTOR_HAS_BENCH

/// Prints a comparison, keeps it, and gives the exit code: 1 if anything is slower.
int conclude(const nlohmann::json& comparison, const std::string& file) {
  fmt::print("{}", comparison_table(comparison));
  if (!file.empty()) write_file_atomically(file, std::string_view(comparison.dump(2) + "\n"));
  return comparison["slower"] == 0 ? exit_ok : exit_failure;
}

int run(const CompareArguments& arguments) {
  CompareOptions options;
  options.least = arguments.least;
  options.level = arguments.level;
  options.cold = arguments.cold;
  options.different = arguments.different;
  options.filter = arguments.filter;
  return conclude(compare_results(read_result_file(arguments.a), read_result_file(arguments.b), options),
                  arguments.json);
}

int run(const ServeArguments& arguments) {
  if (arguments.threads > 0) set_threads(arguments.threads);
  BenchOptions options;
  options.device = choose_device(arguments.device, true);
  options.quick = arguments.quick;
  serve_suite(arguments.suite, options, std::cin, std::cout);
  return exit_ok;
}

int run(const AbArguments& arguments) {
  AbOptions options;
  options.a = arguments.a;
  options.b = arguments.b;
  options.suite = arguments.suite;
  options.words = {"--device", arguments.device};
  if (arguments.threads > 0)
    options.words.insert(options.words.end(), {"--threads", fmt::to_string(arguments.threads)});
  if (arguments.quick) options.words.emplace_back("--quick");
  options.filter = arguments.filter;
  options.seconds = arguments.seconds;
  options.starts = arguments.starts;
  options.least = arguments.least;
  options.seed = arguments.seed;
  options.timeout = arguments.timeout;
  options.different = arguments.different;
  options.on_row = [](int start, int starts, const std::string& row) {
    fmt::print(stderr, "[start {} of {}] {}\n", start + 1, starts, row);
  };
  return conclude(bench_ab(options), arguments.json);
}

#else

template <class Arguments>
int run(const Arguments& /*unused*/) {
  throw Error("this build holds no benchmarks: install libbenchmark-dev (tools/setup test does) and build again");
}

#endif

void add_least(CLI::App& command, double& least) {
  command.add_option("--least", least, "a smaller difference does not matter; as a fraction, 0.03 for 3 %")
      ->type_name("FRACTION")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
}

void add_json(CLI::App& command, std::string& json) {
  command.add_option("--json", json, "also write the comparison into this file")->type_name("FILE");
}

void add_filter(CLI::App& command, std::string& filter) {
  command.add_option("--filter", filter, "only rows whose name, size, dtype or constraint contains this")
      ->type_name("TEXT");
}

void add_how(CLI::App& command, std::string& device, int& threads, bool& quick) {
  command.add_option("--device", device, "auto, cpu, cuda, cuda:N")->type_name("NAME")->capture_default_str();
  command.add_option("--threads", threads, "CPU threads (default: all)")->type_name("N")->check(CLI::Range(1, 1024));
  command.add_flag("--quick", quick, "small sizes");
}

}  // namespace

void add_bench_compare(CLI::App& bench, int& exit_code) {
  auto* command = bench.add_subcommand(
      "compare", "two files of `kantor bench SUITE --json`: which rows are the same, faster, slower or unclear");
  const auto arguments = std::make_shared<CompareArguments>();
  command->add_option("a", arguments->a, "the file of before")->type_name("A.JSON")->required();
  command->add_option("b", arguments->b, "the file of after, which is judged")->type_name("B.JSON")->required();
  add_least(*command, arguments->least);
  command->add_option("--level", arguments->level, "of the intervals")
      ->type_name("LEVEL")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  add_filter(*command, arguments->filter);
  command->add_flag("--cold", arguments->cold, "compares the times with overwritten caches");
  command->add_flag("--different", arguments->different,
                    "also compares files of other devices, builds, threads or arithmetic");
  add_json(*command, arguments->json);
  command->footer("Exit code 1 if a row is slower.\nExample: kantor bench compare before.json after.json --least 0.03");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_bench_ab(CLI::App& bench, int& exit_code) {
  auto* command = bench.add_subcommand(
      "ab", "two programs in turn, in many short rounds: which rows are the same, faster, slower or unclear");
  const auto arguments = std::make_shared<AbArguments>();
  command->add_option("a", arguments->a, "the program of before")->type_name("PROGRAM_A")->required();
  command->add_option("b", arguments->b, "the program of after, which is judged")->type_name("PROGRAM_B")->required();
  command->add_option("--suite", arguments->suite, "what they time")->type_name("NAME")->capture_default_str();
  add_filter(*command, arguments->filter);
  add_how(*command, arguments->device, arguments->threads, arguments->quick);
  command->add_option("--seconds", arguments->seconds, "for a row, over all starts; at least four rounds a start")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->add_option("--starts", arguments->starts, "of both programs; each gives one ratio, and 8 are needed")
      ->type_name("N")
      ->check(CLI::Range(8, 1000))
      ->capture_default_str();
  add_least(*command, arguments->least);
  command->add_option("--seed", arguments->seed, "of the order of rounds and rows")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--timeout", arguments->timeout, "seconds in which a program must answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->add_flag("--different", arguments->different, "also compares programs of other compilers or libraries");
  add_json(*command, arguments->json);
  command->footer(
      "Exit code 1 if a row is slower.\nExample: kantor bench ab build/before/kantor build/after/kantor "
      "--filter 'critic step' --threads 1");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_bench_serve(CLI::App& bench, int& exit_code) {
  auto* command = bench.add_subcommand(
      "serve", "times the rounds that lines of JSON on standard input ask for, as `kantor bench ab` does");
  const auto arguments = std::make_shared<ServeArguments>();
  command->add_option("suite", arguments->suite, "what to time: a suite of kantor bench, such as clip-vs-penalty")
      ->type_name("SUITE")
      ->required();
  add_how(*command, arguments->device, arguments->threads, arguments->quick);
  command->footer(R"(Example: echo '{"rows": true}' | kantor bench serve clip-vs-penalty --quick)");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_bench_report(CLI::App& bench, int& exit_code) {
  struct ReportArguments {
    std::vector<std::string> files;
    std::string out = "bench.html";
  };
  auto* command = bench.add_subcommand("report", "one HTML page over files of figures: limits, prices, peers, ladders");
  const auto arguments = std::make_shared<ReportArguments>();
  command
      ->add_option("files", arguments->files,
                   "of kantor bench SUITE --json, kantor bench ladder FAMILY --json, bench/results/ladder, "
                   "bench/peers/compare.py or kernels.py --out")
      ->type_name("FILE")
      ->required();
  command->add_option("--out", arguments->out, "the page to write")->type_name("FILE")->capture_default_str();
  command->footer("Example: kantor bench report a.json peers.json --out bench.html");
  command->callback([arguments, &exit_code] {
    write_bench_page({arguments->files.begin(), arguments->files.end()}, arguments->out);
    fmt::print("report: {}\n", std::filesystem::absolute(arguments->out).string());
    exit_code = exit_ok;
  });
}

}  // namespace kantor
