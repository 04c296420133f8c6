// kantor bench steps: whole steps, and rounds for other programs.
#ifdef KANTOR_HAS_BENCH
#include "bench/steps.h"
#include "bench/training_step.h"
#include "engine/error.h"
#include "engine/rewrites.h"
#include "tools/bench.h"

#include <iostream>

namespace kantor {
namespace {

struct StepsArguments : BenchArguments {
  std::vector<std::string> models;
  std::vector<std::string> steps{"clip", "penalty", "generator"};
  std::string rewrites = "all";
  bool serve = false;
};

std::vector<std::string> usual_models(bool quick) {
  if (quick) return {"mlp:16:32", "dcgan:2:4"};
  return {"mlp:64:256", "mlp:128:256", "mlp:512:256", "dcgan:16:64", "dcgan:64:64"};
}

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

int run(const StepsArguments& arguments) {
  const BenchOptions options = bench_options(arguments, arguments.serve);
  StepsOptions steps;
  steps.device = options.device;
  steps.models = arguments.models.empty() ? usual_models(arguments.quick) : arguments.models;
  steps.steps = arguments.steps;
  steps.rewrites = arguments.rewrites;
  if (!arguments.serve) return run_bench(steps_run(steps), options, arguments);
  serve_steps(steps, std::cin, std::cout);
  return exit_ok;
}

}  // namespace

void add_bench_steps(CLI::App& bench, int& exit_code) {
  auto* steps = bench.add_subcommand(
      "steps", "whole steps of critics and generators, and whole iterations, recorded and fused: time and launches");
  const auto arguments = std::make_shared<StepsArguments>();
  steps
      ->add_option("models", arguments->models,
                   "mlp:WIDTH:BATCH (three hidden layers), dcgan:DIM:BATCH (28 x 28 x 1), dcgan64:DIM:BATCH (64 x 64 x "
                   "3) (default: five of them)")
      ->type_name("MODEL")
      ->check([](const std::string& name) { return refusal([&] { (void)parse_bench_model(name); }); });
  add_bench_options(*steps, *arguments);
  steps->add_option("--step", arguments->steps, "clip, penalty or generator; may be given several times")
      ->type_name("NAME")
      ->check(CLI::IsMember({"clip", "penalty", "generator"}))
      ->capture_default_str();
  steps
      ->add_option("--rewrites", arguments->rewrites, "as of kantor train: all, exact, none, or names joined by commas")
      ->type_name("NAMES")
      ->check([](const std::string& names) { return refusal([&] { const RewriteScope scope(names); }); })
      ->capture_default_str();
  steps->add_flag("--serve", arguments->serve,
                  "time the rounds that lines of JSON on standard input ask for, to be alternated with another "
                  "program's (bench/peers/README.md)");
  steps->footer("Example: kantor bench steps mlp:128:256 --step clip --step penalty --json a.json");
  steps->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
#endif
