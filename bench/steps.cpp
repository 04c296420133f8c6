#include "bench/steps.h"

#include "bench/iteration_subject.h"
#include "bench/replay.h"
#include "bench/step_subject.h"
#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <istream>
#include <map>
#include <memory>
#include <optional>
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

SuiteRun steps_run(const StepsOptions& options) {
  SuiteRun run;
  run.name = "steps";
  run.extra = {{"rewrites", options.rewrites}};
  for (const std::string& name : options.models) {
    const BenchModel model = parse_bench_model(name);
    for (const std::string& step : options.steps) {
      run.subjects.push_back(step_subject(model, step, optimizer_of(step), options.device));
      Subject& subject = run.subjects.back();
      subject.rewrites = options.rewrites;
      subject.extra = {{"model", name}, {"step", step}};
    }
    // The simulator takes seconds for a single launch of the larger ones.
    constexpr int64_t most_simulated = 20'000'000;
    if (options.device.kind == Device::Kind::sim && model.hidden_flops > most_simulated) continue;
    for (const std::string& step : options.steps) {
      if (step == "generator") continue;
      const FusedOptions ways[] = {{},
                                   {.fused = Fused::on, .arithmetic = Arithmetic::float32},
                                   {.fused = Fused::on, .arithmetic = Arithmetic::float32, .multicast = true},
                                   {.fused = Fused::on, .arithmetic = Arithmetic::three_tf32}};
      for (const FusedOptions& fused : ways) {
        if (auto subject = iteration_subject(model, step, optimizer_of(step), options.device, fused)) {
          run.subjects.push_back(std::move(*subject));
        }
      }
    }
  }
  return run;
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
