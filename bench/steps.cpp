#include "bench/steps.h"

#include "bench/harness.h"
#include "bench/load.h"
#include "bench/replay.h"
#include "bench/training_step.h"
#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <istream>
#include <map>
#include <memory>
#include <ostream>
#include <utility>

namespace kantor {
namespace {

using nlohmann::json;

/// Each paper's optimizer (Arjovsky et al. 2017, Gulrajani et al. 2017).
OptimizerConfig optimizer_of(const std::string& step) {
  OptimizerConfig config;
  if (step == "clip") {
    config.rule = "rmsprop";
    config.learning_rate = 5e-5;
  }
  return config;
}

/// A step that is ready to be timed, with what its first run was given and what it gave.
class TimedStep {
 public:
  TimedStep(const BenchModel& model, const std::string& step, const StepsOptions& options)
      : step_(std::make_shared<TrainingStep>(model, step, optimizer_of(step), options.device)),
        first_(step_->inputs()),
        replay_([step = step_] { (*step)(); }, options.device, options.rewrites,
                [this] {
                  for (auto& gradient : step_->gradients().tensors) first_.tensors.push_back(std::move(gradient));
                }),
        once_(replay_.seconds(1)) {}

  struct Round {
    double seconds;  // of one step
    int64_t steps;
  };
  /// A fifth of the time warms up: other processes may have had the caches and the processors since the last round.
  Round round(double seconds) {
    const int64_t steps = std::max<int64_t>(1, std::llround(seconds / std::max(once_, 1e-7)));
    replay_.seconds(std::max<int64_t>(1, steps / 5));
    once_ = replay_.seconds(steps) / static_cast<double>(steps);
    return {once_, steps};
  }
  [[nodiscard]] int64_t launches() const { return replay_.launches(); }
  [[nodiscard]] const TensorFile& first() const { return first_; }

 private:
  std::shared_ptr<TrainingStep> step_;
  TensorFile first_;
  Replay replay_;
  double once_;
};

/// FLOPs that the products of the hidden layers need at least (docs/architecture.md); 0 if they are not counted.
int64_t flops(const BenchModel& model, const std::string& step) {
  const int64_t passes = step == "clip" ? 7 : step == "penalty" ? 11 : 0;
  return passes * model.hidden_flops;
}

json row_of(const BenchModel& model, const std::string& step, const TimedStep& timed, std::vector<double> seconds) {
  json row{{"model", model.name},
           {"step", step},
           {"rounds", seconds.size()},
           {"launches", timed.launches()},
           {"flops", flops(model, step)}};
  std::sort(seconds.begin(), seconds.end());
  for (const auto& [name, q] : {std::pair{"seconds", 0.5}, {"p10", 0.1}, {"p90", 0.9}, {"best", 0.0}}) {
    row[name] = seconds.empty() ? json() : json(quantile(seconds, q));
  }
  return row;
}

json context(const StepsOptions& options) {
  json result = bench_context(options.device);
  result["rewrites"] = options.rewrites;
  return result;
}

}  // namespace

const std::vector<std::string>& bench_step_names() {
  static const std::vector<std::string> names{"clip", "penalty", "generator"};
  return names;
}

json bench_steps(const StepsOptions& options) {
  const LoadWatch watch;
  const bool simulated = options.device.kind == Device::Kind::sim;
  json rows = json::array();
  for (const std::string& name : options.models) {
    const BenchModel model = parse_bench_model(name);
    std::vector<std::unique_ptr<TimedStep>> timed;
    for (const std::string& step : options.steps) {
      const size_t done = rows.size() + timed.size(), all = options.models.size() * options.steps.size();
      if (options.on_row) options.on_row(fmt::format("{}, {}", name, step), done, all);
      timed.push_back(std::make_unique<TimedStep>(model, step, options));
    }
    std::vector<std::vector<double>> seconds(timed.size());
    for (int round = 0; round < (simulated ? 0 : options.rounds); ++round) {
      for (size_t i = 0; i < timed.size(); ++i) seconds[i].push_back(timed[i]->round(options.seconds).seconds);
    }
    for (size_t i = 0; i < timed.size(); ++i) rows.push_back(row_of(model, options.steps[i], *timed[i], seconds[i]));
  }
  json result = context(options);
  const OtherLoad load = watch.since();
  result["load"] = {{"others", load.others}, {"steal", load.steal}};
  result["rows"] = std::move(rows);
  return result;
}

std::string steps_table(const json& result) {
  std::string text = fmt::format("device {}, {} threads, {}\n", result["device"].get<std::string>(),
                                 result["threads"].get<int>(), result["build"]["products"].get<std::string>());
  if (result["simulated"].get<bool>()) text += "simulated: launches are counted, times say nothing about a GPU\n";
  text += fmt::format("{:<18} {:<10} {:>12} {:>21} {:>9} {:>9}\n", "model", "step", "median", "p10 .. p90", "GFLOP/s",
                      "launches");
  for (const json& row : result["rows"]) {
    const bool timed = !row["seconds"].is_null();
    const auto microseconds = [&](const char* key) { return 1e6 * row[key].get<double>(); };
    const double flops = row["flops"];
    text += fmt::format("{:<18} {:<10} {:>12} {:>21} {:>9} {:>9}\n", row["model"].get<std::string>(),
                        row["step"].get<std::string>(), timed ? fmt::format("{:.1f} us", microseconds("seconds")) : "-",
                        timed ? fmt::format("{:.1f} .. {:.1f}", microseconds("p10"), microseconds("p90")) : "-",
                        timed && flops > 0 ? fmt::format("{:.0f}", flops / row["seconds"].get<double>() / 1e9) : "-",
                        row["launches"].get<int64_t>());
  }
  const double others = result["load"]["others"], steal = result["load"]["steal"];
  if (!result["simulated"].get<bool>() && OtherLoad{others, steal}.busy()) {
    text +=
        fmt::format("warning: other processes took {:.0f} % of the processors' time, other virtual machines {:.0f} %\n",
                    100 * others, 100 * steal);
  }
  return text;
}

void serve_steps(const StepsOptions& options, std::istream& in, std::ostream& out) {
  std::map<std::pair<std::string, std::string>, std::unique_ptr<TimedStep>> kept;
  const auto find = [&](const std::string& model, const std::string& step) -> TimedStep& {
    const auto& names = bench_step_names();
    if (std::find(names.begin(), names.end(), step) == names.end()) {
      throw Error(fmt::format("step '{}'; known are {}", step, fmt::join(names, ", ")));
    }
    auto& timed = kept[{model, step}];
    if (!timed) timed = std::make_unique<TimedStep>(parse_bench_model(model), step, options);
    return *timed;
  };
  const auto answer = [&](const std::string& line) -> json {
    const json asked = json::parse(line);
    if (asked.contains("context")) return context(options);
    TimedStep& timed = find(asked.at("model"), asked.at("step"));
    if (asked.contains("gradients")) {
      const std::string path = asked["gradients"];
      write_safetensors(path, timed.first());
      return {{"gradients", path}};
    }
    const TimedStep::Round round = timed.round(std::clamp(asked.at("seconds").get<double>(), 0.0, 60.0));
    return {{"seconds", round.seconds}, {"steps", round.steps}, {"launches", timed.launches()}};
  };
  for (std::string line; std::getline(in, line);) {
    json reply;
    try {
      reply = answer(line);
    } catch (const std::exception& error) {
      reply = {{"error", error.what()}};
    }
    out << reply.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
}

}  // namespace kantor
