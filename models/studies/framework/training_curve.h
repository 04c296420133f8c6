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
  double milliseconds = 0;               // of a step, without the evaluations
  bool diverged = false;                 // a loss or weight was not finite; the evaluations end before
  double floor = 0;                      // of W1, with config.eval_samples (plane)

  /// A key of the objects at every evaluation; "": the numbers themselves.
  [[nodiscard]] std::vector<double> along(const std::string& key = "") const;
  /// Mean over the last `count` evaluations.
  [[nodiscard]] double late_mean(size_t count, const std::string& key = "") const;
  /// {"x": steps, "y": along(key)}, null where a number is missing.
  [[nodiscard]] nlohmann::json points(const std::string& key = "") const;
};

/// Trains a critic alone for `steps` steps, and evaluates it before the first and at the end of each of `evaluations`
/// equal parts. The time of a step is the mean. Throws NonFiniteError.
TrainingCurve train_and_evaluate(CriticTrainer& trainer, int64_t steps, int evaluations,
                                 const std::function<nlohmann::json()>& evaluate);

/// Trains generator and critic for config.steps steps; `evaluate` is called every config.eval_every. The time of a step
/// is the median. Steps are fused where they can be, in launches from one evaluation to the next. A training that
/// diverges is an outcome, not an error.
TrainingCurve train_and_evaluate(const RunConfig& config, const DatasetPtr& data, Device device,
                                 const std::function<nlohmann::json(const Trainer&)>& evaluate);

/// The same in the plane, evaluated by evaluate_samples. `pairs` of samples give the floor.
TrainingCurve train_in_plane(const RunConfig& config, Device device, int pairs);

}  // namespace kantor
