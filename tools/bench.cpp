// kantor bench: microbenchmarks of clipping and of the penalty, whole steps, products, and the ladder of kernels. Needs
// Google Benchmark at build time.
#include "engine/error.h"
#include "engine/rewrites.h"
#include "engine/threads.h"
#include "models/files/atomic_file.h"
#include "tools/bench_compare.h"
#include "tools/commands.h"
#include "tools/device_choice.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#ifdef KANTOR_HAS_BENCH
#include "bench/clip_vs_penalty.h"
#include "bench/ladder.h"
#include "bench/product_shapes.h"
#include "bench/products.h"
#include "bench/steps.h"
#include "bench/training_step.h"
#include "tools/embedded_files.h"
#endif

namespace kantor {
#ifdef KANTOR_HAS_BENCH
namespace embedded {
const std::vector<EmbeddedFile>& ladder_figures();  // bench/results/ladder
}
#endif
namespace {

/// What two subcommands take.
struct BenchArguments {
  std::string device = "auto", json;
  int threads = 0;
};

struct VersusArguments : BenchArguments {
  bool quick = false;
  double min_time = 0.02, budget = 0;
};

struct StepsArguments : BenchArguments {
  std::vector<std::string> models{"mlp:64:256", "mlp:128:256", "mlp:512:256", "dcgan:16:64", "dcgan:64:64"};
  std::vector<std::string> steps{"clip", "penalty", "generator"};
  std::string rewrites = "all";
  int rounds = 5;
  double seconds = 0.2;
  bool serve = false;
};

struct ProductsArguments {
  std::string device = "auto";
  std::vector<std::string> shapes, arithmetics{"float32", "three_tf32", "tf32", "bf16"};
  bool quick = false, best = false;
  double seconds = 300;
};

struct LadderArguments {
  std::string family, device = "auto", json;
};

#ifdef KANTOR_HAS_BENCH

void print_row(const std::string& row, size_t done, size_t all) {
  fmt::print(stderr, "[{}/{}] {}\n", done + 1, all, row);
}

int write(const std::string& json, const nlohmann::json& result, const std::string& table) {
  fmt::print("{}", table);
  if (!json.empty()) write_file_atomically(json, std::string_view(result.dump(2) + "\n"));
  return exit_ok;
}

int run(const VersusArguments& arguments) {
  if (arguments.threads > 0) set_threads(arguments.threads);
  BenchOptions options;
  options.device = choose_device(arguments.device, false);
  options.quick = arguments.quick;
  options.min_time = arguments.min_time;
  options.budget = arguments.budget;
  options.on_row = print_row;
  const nlohmann::json result = clip_vs_penalty(options);
  return write(arguments.json, result, bench_table(result));
}

int run(const StepsArguments& arguments) {
  if (arguments.threads > 0) set_threads(arguments.threads);
  StepsOptions options;
  options.device = choose_device(arguments.device, arguments.serve);
  options.models = arguments.models;
  options.steps = arguments.steps;
  options.rewrites = arguments.rewrites;
  options.rounds = arguments.rounds;
  options.seconds = arguments.seconds;
  if (arguments.serve) {
    serve_steps(options, std::cin, std::cout);
    return exit_ok;
  }
  options.on_row = print_row;
  const nlohmann::json result = bench_steps(options);
  return write(arguments.json, result, steps_table(result));
}

/// The CPU has no kernels: `auto` without a GPU is the simulator.
int run(const LadderArguments& arguments) {
  if (arguments.family.empty()) {
    fmt::print("{}", ladder_list());
    return exit_ok;
  }
  LadderOptions options;
  options.family = arguments.family;
  options.device = choose_device(arguments.device, true);
  if (arguments.device == "auto" && options.device.kind == Device::Kind::cpu) options.device = {Device::Kind::sim, 0};
  for (const embedded::EmbeddedFile& file : embedded::ladder_figures()) {
    if (file.path == options.family + ".json") options.figures = nlohmann::json::parse(file.content);
  }
  options.on_row = print_row;
  const nlohmann::json result = bench_ladder(options);
  write(arguments.json, result, ladder_table(result));
  return ladder_passed(result) ? exit_ok : exit_failure;
}

/// Lines on standard output as they come, the table on standard error.
int run(const ProductsArguments& arguments) {
  ProductsOptions options;
  options.device = choose_device(arguments.device, true);
  options.shapes = arguments.shapes.empty() ? usual_products(arguments.quick) : arguments.shapes;
  for (const auto& [name, arithmetic] : arithmetic_names()) {
    if (std::count(arguments.arithmetics.begin(), arguments.arithmetics.end(), name) > 0) {
      options.arithmetics.push_back(arithmetic);
    }
  }
  options.best = arguments.best;
  options.seconds = arguments.seconds;
  options.on_line = [](const nlohmann::json& line) { std::cout << line.dump() << std::endl; };
  fmt::print(stderr, "{}", products_table(bench_products(options)));
  return exit_ok;
}

#else

[[noreturn]] void refuse_bench() {
  throw Error("this build holds no benchmarks: install libbenchmark-dev (tools/setup test does) and build again");
}
int run(const BenchArguments& /*unused*/) {
  refuse_bench();
}
int run(const ProductsArguments& /*unused*/) {
  refuse_bench();
}
int run(const LadderArguments& /*unused*/) {
  refuse_bench();
}

#endif

/// Empty for what `parse` takes; else what is wrong, as CLI11 asks.
template <class F>
std::string refusal(const F& parse) {
  try {
    parse();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string known_model([[maybe_unused]] const std::string& name) {
#ifdef KANTOR_HAS_BENCH
  return refusal([&] { (void)parse_bench_model(name); });
#else
  return "";
#endif
}

std::string known_product([[maybe_unused]] const std::string& text) {
#ifdef KANTOR_HAS_BENCH
  return refusal([&] { (void)parse_product(text); });
#else
  return "";
#endif
}

std::string known_rewrites(const std::string& names) {
  return refusal([&] { const RewriteScope scope(names); });
}

void add_common(CLI::App& command, BenchArguments& arguments) {
  command.add_option("--device", arguments.device, "auto, cpu, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--threads", arguments.threads, "CPU threads (default: all)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command.add_option("--json", arguments.json, "also write the figures into this file")->type_name("FILE");
}

void add_clip_vs_penalty(CLI::App& bench, int& exit_code) {
  auto* versus = bench.add_subcommand(
      "clip-vs-penalty",
      "the kernels of clipping and of the penalty by size, and the price of clipping and of penalties a step");
  const auto arguments = std::make_shared<VersusArguments>();
  add_common(*versus, *arguments);
  versus->add_flag("--quick", arguments->quick, "small sizes, briefly");
  versus->add_option("--min-time", arguments->min_time, "seconds of one repetition of a row")
      ->type_name("SECONDS")
      ->check(CLI::Range(1e-4, 10.0))
      ->capture_default_str();
  versus->add_option("--budget", arguments->budget, "seconds for all rows (default: 60 on a GPU, 180 elsewhere)")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  versus->footer("Example: kantor bench clip-vs-penalty --device cpu --json a.json");
  versus->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_steps(CLI::App& bench, int& exit_code) {
  auto* steps = bench.add_subcommand("steps", "whole steps of critics and generators: time and launches");
  const auto arguments = std::make_shared<StepsArguments>();
  steps
      ->add_option(
          "models", arguments->models,
          "mlp:WIDTH:BATCH (three hidden layers), dcgan:DIM:BATCH (28 x 28 x 1), dcgan64:DIM:BATCH (64 x 64 x 3)")
      ->type_name("MODEL")
      ->check(known_model)
      ->capture_default_str();
  add_common(*steps, *arguments);
  steps->add_option("--step", arguments->steps, "clip, penalty or generator; may be given several times")
      ->type_name("NAME")
      ->check(CLI::IsMember({"clip", "penalty", "generator"}))
      ->capture_default_str();
  steps->add_option("--rounds", arguments->rounds, "rounds of each row; the median is taken over them")
      ->type_name("N")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  steps->add_option("--seconds", arguments->seconds, "seconds of a round, which is at least one step")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  steps
      ->add_option("--rewrites", arguments->rewrites, "as of kantor train: all, exact, none, or names joined by commas")
      ->type_name("NAMES")
      ->check(known_rewrites)
      ->capture_default_str();
  steps->add_flag("--serve", arguments->serve,
                  "time the rounds that lines of JSON on standard input ask for, to be alternated with another "
                  "program's (bench/peers/README.md)");
  steps->footer("Example: kantor bench steps mlp:128:256 --step clip --step penalty --json a.json");
  steps->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_products(CLI::App& bench, int& exit_code) {
  auto* products = bench.add_subcommand(
      "products", "matrix products and convolutions by plan: a line of JSON each, and a table on standard error");
  const auto arguments = std::make_shared<ProductsArguments>();
  products
      ->add_option("shapes", arguments->shapes,
                   "gemm:MxNxK, or conv:BATCHxHEIGHTxWIDTHxCHANNELS:FILTERS:KERNEL:STRIDE:PADDING for the three passes "
                   "of a convolution (default: those of DCGANs and MLPs, and large ones)")
      ->type_name("SHAPE")
      ->check(known_product);
  products->add_option("--device", arguments->device, "auto, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  products
      ->add_option("--arithmetic", arguments->arithmetics,
                   "float32, three_tf32, tf32 or bf16; may be given several times")
      ->type_name("NAME")
      ->check(CLI::IsMember({"float32", "three_tf32", "tf32", "bf16"}))
      ->capture_default_str();
  products->add_flag("--quick", arguments->quick, "tiny shapes by default, for the simulator");
  products->add_flag("--best", arguments->best, "time only the plans that the engine chooses");
  products
      ->add_option("--seconds", arguments->seconds,
                   "for all plans; those that the engine expects to be slow are left out first")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  products->footer("Example: kantor bench products --device cuda > products.jsonl");
  products->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_ladder(CLI::App& bench, int& exit_code) {
  auto* ladder = bench.add_subcommand(
      "ladder",
      "versions of a kernel, from the plainest to the engine's: values, counts, resources, and time on a GPU");
  const auto arguments = std::make_shared<LadderArguments>();
  ladder->add_option("family", arguments->family, "whose versions; without one, lists the families")
      ->type_name("FAMILY");
  ladder->add_option("--device", arguments->device, "auto, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  ladder->add_option("--json", arguments->json, "also write the figures into this file")->type_name("FILE");
  ladder->footer("Example: kantor bench ladder gradient_penalty");
  ladder->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bench", "microbenchmarks: time, counted bytes, share of the machine's own rates");
  command->require_subcommand(1);
  add_clip_vs_penalty(*command, exit_code);
  add_steps(*command, exit_code);
  add_products(*command, exit_code);
  add_ladder(*command, exit_code);
  add_bench_compare(*command, exit_code);
  add_bench_ab(*command, exit_code);
  add_bench_serve(*command, exit_code);
  add_bench_report(*command, exit_code);
}

}  // namespace kantor
