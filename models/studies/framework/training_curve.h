// Training curves: trainings that are evaluated as they go, for the studies.
#pragma once

#include "models/training/critic_trainer.h"
#include "models/training/trainer.h"

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

struct TrainingCurve {
  std::vector<int64_t> steps;            // at each evaluation, the start included
  std::vector<nlohmann::json> measured;  // at each of them: a number, or an object of numbers
  double milliseconds = 0;               // of a step, without the evaluations: the median over the launches
  bool diverged = false;                 // a loss or weight was not finite; the evaluations end before

  /// A key of the objects at every evaluation; "": the numbers themselves.
  [[nodiscard]] std::vector<double> along(const std::string& key = "") const;
  /// Mean over the last `count` evaluations.
  [[nodiscard]] double late_mean(size_t count, const std::string& key = "") const;
  /// {"x": steps, "y": along(key)}, null where a number is missing.
  [[nodiscard]] nlohmann::json points(const std::string& key = "") const;
};

/// When a training is evaluated besides before its first step, and when it ends.
struct CurveSchedule {
  std::vector<int64_t> evaluations;  // steps, rising
  int64_t steps = 0;
  bool diverges = false;  // that it diverges is an outcome, where the curve ends; else NonFiniteError is thrown
};

/// `evaluations` equal parts of `steps`, for critics alone.
CurveSchedule equal_parts(int64_t steps, int evaluations);
/// Every config.eval_every of config.steps, for whole trainings.
CurveSchedule every_evaluation(const RunConfig& config);

/// A training on its curve, some steps at a time, so that many can go on together.
class CurveTraining {
 public:
  /// `training` is kept by address.
  CurveTraining(FusableTraining& training, CurveSchedule schedule, std::function<nlohmann::json()> evaluate);

  /// Evaluates the start.
  void begin();
  [[nodiscard]] bool has_ended() const;
  /// How many steps may be done before the next evaluation: where they are fused, no more than take a second, so that a
  /// stop is seen.
  [[nodiscard]] int64_t steps_at_once() const;
  /// Does so many steps, and evaluates where that is due.
  void step(int64_t count);
  /// The same with steps that a launch has done in so many seconds.
  void take(const MlpOutcome& outcome, double seconds);
  /// All of it.
  const TrainingCurve& finish();

 private:
  template <class Steps>
  void advance(const Steps& steps, double seconds);
  void evaluate();
  void evaluate_what_is_due();

  FusableTraining& training_;
  CurveSchedule schedule_;
  std::function<nlohmann::json()> evaluate_;
  size_t next_ = 0;  // evaluation
  std::vector<double> milliseconds_;
  TrainingCurve curve_;
};

/// All of a training.
TrainingCurve train_alone(CurveTraining training);

/// Trains a critic alone for `steps` steps, and evaluates it before the first and at the end of each of `evaluations`
/// equal parts. Throws NonFiniteError.
TrainingCurve train_and_evaluate(CriticTrainer& trainer, int64_t steps, int evaluations,
                                 const std::function<nlohmann::json()>& evaluate);

/// Trains generator and critic for config.steps steps; `evaluate` is called every config.eval_every. Steps are fused
/// where they can be. A training that diverges is an outcome, not an error.
TrainingCurve train_and_evaluate(const RunConfig& config, const DatasetPtr& data, Device device,
                                 const std::function<nlohmann::json(const Trainer&)>& evaluate);

}  // namespace kantor
