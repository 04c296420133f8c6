#include "bench/clip_vs_penalty.h"

#include "bench/load.h"
#include "bench/training_step.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "kernels/clip_update.h"
#include "kernels/gemm.h"
#include "kernels/gradient_penalty.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <memory>

namespace kantor {
namespace {

using nlohmann::json;
Tensor random_values(const Shape& shape, Device device, uint32_t stream) {
  return normal(shape, 1, stream, zeros({}, {DType::int64, device}));
}

Subject optimizer_pass(const std::string& name, const std::string& rule, int64_t size, Device device) {
  const Arena parameters({{"w", {size}}}, {DType::float32, device});
  parameters.flat().copy_from(random_values({parameters.flat().size()}, device, 1) * 0.01);
  const Arena gradients = parameters.like();
  gradients.flat().copy_from(random_values({parameters.flat().size()}, device, 2) * 1e-3);
  OptimizerConfig config;
  config.rule = rule;
  const auto optimizer = std::make_shared<Optimizer>(config, parameters, std::vector<double>{0.01});
  return {name + " + clip + statistics", fmt::format("{} parameters", size),
          clip_update_cost(true, optimizer_state_arrays(rule), size, 4),
          [optimizer, gradients] { optimizer->update(gradients); }};
}

Subject interpolation(int64_t rows, int64_t width, Device device) {
  const Tensor real = random_values({rows, width}, device, 3), fake = random_values({rows, width}, device, 4);
  const Tensor counter = zeros({}, {DType::int64, device}), out = zeros({rows, width}, {DType::float32, device});
  return {"interpolation, random numbers included", fmt::format("{} x {}", rows, width),
          interpolate_cost(rows, width, 4), [=] {
            (void)interpolate(real, fake, Draw{1, 5, counter});
          }};
}

Subject penalty(int64_t rows, int64_t width, Device device) {
  const Tensor g = random_values({rows, width}, device, 6);
  return {"norm + penalty + derivative", fmt::format("{} x {}", rows, width), gradient_penalty_cost(rows, width, 4),
          [=] { (void)gradient_penalty(g, PenaltyKind::two_sided, 10); }};
}

/// One optimizer for all: prices are the constraints' own.
Subject critic_step(const std::string& kind, int64_t width, int64_t batch, Device device) {
  const BenchModel model = parse_bench_model(fmt::format("mlp:{}:{}", width, batch));
  const auto step = std::make_shared<TrainingStep>(model, kind, OptimizerConfig{}, device);
  const int64_t passes = kind == "clip" || kind == "none" ? 7 : 11;
  return {"critic step",
          fmt::format("MLP {} x 3, batch {}", width, batch),
          {0, passes * model.hidden_flops},
          [step] { (*step)(); },
          false,
          true,
          {{"constraint", kind}}};
}

}  // namespace

std::vector<Subject> clip_vs_penalty_subjects(const BenchOptions& options) {
  const Device device = options.device;
  const bool few = options.few();
  using Sizes = std::vector<int64_t>;
  std::vector<Subject> all;
  for (const int64_t size : few ? Sizes{10'000} : Sizes{10'000, 1'000'000, 30'000'000}) {
    all.push_back(optimizer_pass("SGD", "sgd", size, device));
    all.push_back(optimizer_pass("RMSProp", "rmsprop", size, device));
    all.push_back(optimizer_pass("Adam", "adam", size, device));
  }
  for (const int64_t width : few ? Sizes{2, 784} : Sizes{2, 784, 3072, 65536}) {
    const int64_t rows = few ? 32 : 256;
    all.push_back(interpolation(rows, width, device));
    all.push_back(penalty(rows, width, device));
  }
  for (const int64_t width : few ? Sizes{64} : Sizes{64, 128, 512}) {
    for (const char* kind : {"none", "clip", "penalty", "one-sided", "r1", "r2"}) {
      all.push_back(critic_step(kind, width, width == 512 ? 256 : 64, device));
    }
  }
  return all;
}

namespace {

/// The machine's own rates, in the same run: a copy beyond the caches, and a square product.
std::vector<Subject> machine_subjects(const BenchOptions& options) {
  const bool few = options.few();
  const int64_t size = few ? 100'000 : 64'000'000, edge = few ? 64 : 1024;
  const TensorOptions tensor{DType::float32, options.device};
  const Tensor from = random_values({size}, options.device, 12), to = zeros({size}, tensor);
  const Tensor a = random_values({edge, edge}, options.device, 10), b = random_values({edge, edge}, options.device, 11);
  return {
      {"copy", fmt::format("{} floats", size), {8 * size, 0}, [=] { to.copy_from(from); }},
      {"product", fmt::format("{0} x {0} x {0}", edge), gemm_cost(edge, edge, edge, 4), [=] { (void)matmul(a, b); }}};
}

/// The ratio of the slow repetitions to the best one: near 1 on a machine that does nothing else.
double spread(const Timing& timing) {
  return timing.best > 0 ? timing.p90 / timing.best : 1;
}
constexpr double wide_spread = 1.5;

bool disturbed(const std::vector<Measurement>& measured, const OtherLoad& load) {
  return load.busy() || spread(measured[0].warm) > wide_spread || spread(measured[1].warm) > wide_spread;
}

/// If the machine does other work, measures its own rates again at other moments; the best of all counts.
/// Returns how often it did so.
int repeat_machine(const std::vector<Subject>& machine, std::vector<Measurement>& measured, const LoadWatch& watch,
                   const BenchOptions& options) {
  constexpr int most = 3;
  if (options.few()) return 0;
  BenchOptions brief = options;
  brief.budget = options.seconds() / 20;
  brief.on_row = {};
  for (int repeat = 0; repeat < most; ++repeat) {
    if (!disturbed(measured, watch.since())) return repeat;
    const std::vector<Measurement> again = measure(machine, brief);
    for (size_t i = 0; i < machine.size(); ++i) {
      measured[i].warm.best = std::min(measured[i].warm.best, again[i].warm.best);
    }
  }
  return most;
}

/// {"others", "steal": shares of the processors' time, "machine_repeats", "warning": "" on a quiet machine}.
json describe(const OtherLoad& load, const std::vector<Measurement>& measured, int repeats) {
  std::string warning;
  if (disturbed(measured, load)) {
    warning = fmt::format(
        "this machine was busy: other processes took {:.0f} % of its processors' time, other virtual machines "
        "{:.0f} %, and repetitions of a copy differed by a factor of {:.1f}; the machine's rates are the best of {} "
        "tries, and rows may read too long",
        100 * load.others, 100 * load.steal, spread(measured[0].warm), repeats + 1);
  }
  return {{"others", load.others}, {"steal", load.steal}, {"machine_repeats", repeats}, {"warning", warning}};
}

}  // namespace

json clip_vs_penalty(const BenchOptions& options) {
  const LoadWatch watch;
  const std::vector<Subject> machine = machine_subjects(options);
  std::vector<Subject> all = machine;
  for (Subject& subject : clip_vs_penalty_subjects(options)) all.push_back(std::move(subject));
  std::vector<Measurement> measured = measure(all, options);
  const int repeats = repeat_machine(machine, measured, watch, options);
  json rows = json::array();
  std::map<std::string, double> unconstrained;
  for (size_t i = 0; i < all.size(); ++i) {
    json row = row_of(all[i], measured[i]);
    if (row.contains("constraint")) {
      if (row["constraint"] == "none") unconstrained[all[i].size] = measured[i].warm.median;
      row["price"] = measured[i].warm.median / unconstrained.at(all[i].size) - 1;
    }
    rows.push_back(std::move(row));
  }
  const auto rate = [&](size_t i, int64_t amount) {
    return static_cast<double>(amount) / std::max(measured[i].warm.best, 1e-12);
  };
  json result = bench_context(options.device);
  result["machine"] = {{"copy_bytes_per_second", rate(0, all[0].cost.bytes)},
                       {"gemm_flops_per_second", rate(1, all[1].cost.flops)},
                       {"copy_spread", spread(measured[0].warm)},
                       {"gemm_spread", spread(measured[1].warm)}};
  result["load"] = describe(watch.since(), measured, repeats);
  result["rows"] = rows;
  return result;
}

std::string bench_table(const json& result) {
  const bool simulated = result["simulated"];
  const double copy = result["machine"]["copy_bytes_per_second"], product = result["machine"]["gemm_flops_per_second"];
  const std::string hardware = result["hardware"];
  std::string text = fmt::format("device {}, {}\n", result["device"].get<std::string>(),
                                 hardware.empty() ? fmt::format("{} threads, {}", result["threads"].get<int>(),
                                                                result["build"]["products"].get<std::string>())
                                                  : hardware);
  text += simulated ? "simulated: times say nothing about a GPU, so no rates are given\n"
                    : fmt::format("this machine, in this run: copy {:.1f} GB/s, product {:.1f} GFLOP/s\n", copy / 1e9,
                                  product / 1e9);
  const std::string warning = result["load"]["warning"];
  if (!simulated && !warning.empty()) text += "warning: " + warning + "\n";
  text += fmt::format("{:<40} {:<24} {:>11} {:>19} {:>11} {:>9} {:>8} {:>10} {:>8}\n", "what", "size", "median",
                      "p10 .. p90", "cold", "MB", "launches", "of machine", "price");
  const auto microseconds = [](const json& value) { return 1e6 * value.get<double>(); };
  for (const json& row : result["rows"]) {
    const double bytes = row["bytes"], flops = row["flops"];
    const bool step = row.contains("constraint"), cold = !row["cold"].is_null();
    const double seconds = cold ? row["cold"]["seconds"] : row["seconds"];
    const double share = bytes == 0 || flops / product > bytes / copy ? flops / row["seconds"].get<double>() / product
                                                                      : bytes / seconds / copy;
    text += fmt::format("{:<40} {:<24} {:>8.1f} us {:>8.1f} .. {:<7.1f} {:>11} {:>9} {:>8} {:>10} {:>8}\n",
                        row["name"].get<std::string>() + (step ? ", " + row["constraint"].get<std::string>() : ""),
                        row["size"].get<std::string>(), microseconds(row["seconds"]), microseconds(row["p10"]),
                        microseconds(row["p90"]),
                        cold ? fmt::format("{:.1f} us", microseconds(row["cold"]["seconds"])) : "-",
                        bytes > 0 ? fmt::format("{:.2f}", bytes / 1e6) : "-", row["launches"].get<int64_t>(),
                        simulated ? "-" : fmt::format("{:.0f} %", 100 * share),
                        step && !simulated ? fmt::format("{:+.0f} %", 100 * row["price"].get<double>()) : "-");
  }
  return text +
         "cold: the caches overwritten before each run\n"
         "of machine: counted bytes of the cold run over the measured copy rate; where products are the floor, "
         "counted\n"
         "FLOPs of the warm run over the measured product rate\n"
         "price: of a critic step, against the same step without a constraint\n";
}

}  // namespace kantor
