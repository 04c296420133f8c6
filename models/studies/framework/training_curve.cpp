#include "models/studies/framework/training_curve.h"

#include "models/metrics/histogram.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

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

CurveSchedule equal_parts(int64_t steps, int evaluations) {
  CurveSchedule schedule{{}, steps};
  for (int evaluation = 1; evaluation <= evaluations; ++evaluation) {
    schedule.evaluations.push_back(evaluation * steps / evaluations);
  }
  return schedule;
}

CurveSchedule every_evaluation(const RunConfig& config) {
  CurveSchedule schedule{{}, config.steps, true};
  for (int64_t step = config.eval_every; step <= config.steps; step += config.eval_every) {
    schedule.evaluations.push_back(step);
  }
  return schedule;
}

CurveTraining::CurveTraining(FusableTraining& training, CurveSchedule schedule, std::function<json()> evaluate)
    : training_(training), schedule_(std::move(schedule)), evaluate_(std::move(evaluate)) {}

void CurveTraining::evaluate() {
  curve_.measured.push_back(evaluate_());
  curve_.steps.push_back(training_.steps_done());
}

void CurveTraining::evaluate_what_is_due() {
  for (; next_ < schedule_.evaluations.size() && schedule_.evaluations[next_] <= training_.steps_done(); ++next_) {
    evaluate();
  }
}

void CurveTraining::begin() {
  evaluate();
  evaluate_what_is_due();  // parts of less than a step
}

bool CurveTraining::has_ended() const {
  return curve_.diverged || training_.steps_done() >= schedule_.steps;
}

int64_t CurveTraining::steps_at_once() const {
  if (training_.fused_team() == 0 || milliseconds_.empty()) return 1;
  const auto most = static_cast<int64_t>(std::max(1.0, 1000 / milliseconds_.back()));
  const int64_t due = next_ < schedule_.evaluations.size() ? schedule_.evaluations[next_] : schedule_.steps;
  return std::min(most, due - training_.steps_done());
}

template <class Steps>
void CurveTraining::advance(const Steps& steps, double seconds) {
  try {
    const int64_t before = training_.steps_done();
    const auto start = Clock::now();
    steps();
    const double milliseconds = seconds < 0 ? milliseconds_since(start) : 1e3 * seconds;
    milliseconds_.push_back(milliseconds / static_cast<double>(training_.steps_done() - before));
    evaluate_what_is_due();
  } catch (const NonFiniteError&) {
    if (!schedule_.diverges) throw;
    curve_.diverged = true;
  }
}

void CurveTraining::step(int64_t count) {
  advance([&] { training_.steps(count); }, -1);
}
void CurveTraining::take(const MlpOutcome& outcome, double seconds) {
  advance([&] { training_.take(outcome); }, seconds);
}

const TrainingCurve& CurveTraining::finish() {
  if (!milliseconds_.empty()) curve_.milliseconds = quantile(std::span<const double>(milliseconds_), 0.5);
  return curve_;
}

TrainingCurve train_alone(CurveTraining training) {
  training.begin();
  while (!training.has_ended()) training.step(training.steps_at_once());
  return training.finish();
}

TrainingCurve train_and_evaluate(CriticTrainer& trainer, int64_t steps, int evaluations,
                                 const std::function<json()>& evaluate) {
  return train_alone({trainer, equal_parts(steps, evaluations), evaluate});
}

TrainingCurve train_and_evaluate(const RunConfig& config, const DatasetPtr& data, Device device,
                                 const std::function<json(const Trainer&)>& evaluate) {
  Trainer trainer(config, data, device, true, {Fused::automatic});
  return train_alone({trainer, every_evaluation(config), [&] { return evaluate(trainer); }});
}

}  // namespace kantor
