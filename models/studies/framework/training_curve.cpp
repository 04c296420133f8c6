#include "models/studies/framework/training_curve.h"

#include "models/metrics/histogram.h"
#include "models/training/evaluation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>

namespace kantor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

const json& part(const json& measured, const std::string& key) {
  return key.empty() ? measured : measured.at(key);
}

}  // namespace

std::vector<double> TrainingCurve::along(const std::string& key) const {
  std::vector<double> values;
  for (const json& at : measured) values.push_back(part(at, key).get<double>());
  return values;
}

double TrainingCurve::late_mean(size_t count, const std::string& key) const {
  const size_t used = std::min(count, measured.size());
  const std::vector<double> values = along(key);
  return std::accumulate(values.end() - static_cast<std::ptrdiff_t>(used), values.end(), 0.0) /
         static_cast<double>(used);
}

json TrainingCurve::points(const std::string& key) const {
  json y = json::array();
  for (const json& at : measured) y.push_back(part(at, key));
  return {{"x", steps}, {"y", y}};
}

TrainingCurve train_and_evaluate(CriticTrainer& trainer, int64_t steps, int evaluations,
                                 const std::function<json()>& evaluate) {
  TrainingCurve curve;
  for (int evaluation = 0; evaluation <= evaluations; ++evaluation) {
    const auto start = Clock::now();
    while (trainer.steps_done() < evaluation * steps / evaluations) trainer.step();
    curve.milliseconds += milliseconds_since(start) / static_cast<double>(std::max<int64_t>(steps, 1));
    curve.measured.push_back(evaluate());
    curve.steps.push_back(trainer.steps_done());
  }
  return curve;
}

TrainingCurve train_and_evaluate(const RunConfig& config, const DatasetPtr& data, Device device,
                                 const std::function<json(const Trainer&)>& evaluate) {
  Trainer trainer(config, data, device, true, {Fused::automatic});
  TrainingCurve curve;
  const auto evaluate_now = [&] {
    curve.measured.push_back(evaluate(trainer));
    curve.steps.push_back(trainer.steps_done());
  };
  evaluate_now();
  std::vector<double> milliseconds;
  try {
    while (trainer.steps_done() < config.steps) {
      const int64_t next = std::min(config.steps, (trainer.steps_done() / config.eval_every + 1) * config.eval_every);
      const int64_t count = trainer.fused_team() > 0 ? next - trainer.steps_done() : 1;
      const auto start = Clock::now();
      trainer.steps(count);
      milliseconds.push_back(milliseconds_since(start) / static_cast<double>(count));
      if (trainer.steps_done() % config.eval_every == 0) evaluate_now();
    }
  } catch (const NonFiniteError&) {  // an outcome that a study reports, not a failure of its run
    curve.diverged = true;
  }
  if (!milliseconds.empty()) curve.milliseconds = quantile(std::span<const double>(milliseconds), 0.5);
  return curve;
}

TrainingCurve train_in_plane(const RunConfig& config, Device device, int pairs) {
  const DatasetPtr data = open_dataset(config.data);
  const W1Floor floor = w1_floor(*data, config.eval_samples, pairs);
  TrainingCurve curve = train_and_evaluate(
      config, data, device, [&](const Trainer& trainer) { return evaluate_samples(trainer, *data, floor); });
  curve.floor = floor.mean;
  return curve;
}

}  // namespace kantor
