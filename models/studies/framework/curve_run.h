// CurveRun: a run of a study that is one training, evaluated as it goes. The study says what is trained, what is
// measured at each evaluation, and which numbers follow in the end; the framework trains it, alone or, on devices with
// kernels, many runs in the same launches (shared_runs.h). A run has the same numbers either way.
#pragma once

#include "models/metrics/wasserstein.h"
#include "models/studies/framework/frozen_generator.h"
#include "models/studies/framework/study.h"
#include "models/studies/framework/training_curve.h"

#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {

class CurveRun {
 public:
  CurveRun() = default;
  virtual ~CurveRun() = default;
  CurveRun(const CurveRun&) = delete;
  CurveRun& operator=(const CurveRun&) = delete;

  // What a study says. Its constructor says what is trained, and does nothing that takes long.

  /// Before the training: samples and distances that the evaluations need.
  virtual void prepare() {}
  /// Measures the training as it is: a number, or an object of numbers.
  [[nodiscard]] virtual nlohmann::json evaluate() = 0;
  /// The run's numbers, after the training.
  [[nodiscard]] virtual nlohmann::json numbers(const TrainingCurve& curve) = 0;
  /// Whether the time of a step is among the numbers: then the run shares no launch.
  [[nodiscard]] virtual bool is_timed() const { return false; }

  // What the kinds below say.

  [[nodiscard]] virtual FusableTraining& training() = 0;
  [[nodiscard]] virtual CurveSchedule schedule() const = 0;
};

/// A whole training, generator and critic, evaluated every config.eval_every. That it diverges is an outcome.
class GanRun : public CurveRun {
 public:
  GanRun(const RunConfig& config, const DatasetPtr& data, const RunPlace& place)
      : trainer_(config, data, place.device, true, {place.fused}) {}
  FusableTraining& training() override { return trainer_; }
  [[nodiscard]] CurveSchedule schedule() const override { return every_evaluation(trainer_.config()); }
  [[nodiscard]] const Trainer& trainer() const { return trainer_; }

 private:
  Trainer trainer_;
};

/// The same in the plane, evaluated by evaluate_samples.
class PlaneRun : public GanRun {
 public:
  /// `pairs` of samples give the floor of W1.
  PlaneRun(const RunConfig& config, const RunPlace& place, int pairs);
  void prepare() override;
  [[nodiscard]] nlohmann::json evaluate() override;
  /// Of W1, with config.eval_samples.
  [[nodiscard]] double floor() const { return floor_.mean; }

 private:
  PlaneRun(const RunConfig& config, DatasetPtr data, const RunPlace& place, int pairs);

  DatasetPtr data_;
  int pairs_;
  W1Floor floor_;
};

/// How a critic is trained alone: for how many steps, and into how many equal parts evaluations divide them.
struct CriticPlan {
  RunConfig config;
  int64_t steps;
  int evaluations;
};

/// A critic alone, between two distributions that do not change. A run whose training diverges has no numbers.
class CriticRun : public CurveRun {
 public:
  CriticRun(const CriticPlan& plan, const DatasetPtr& real, const DatasetPtr& fake, const RunPlace& place);
  FusableTraining& training() override { return trainer_; }
  [[nodiscard]] CurveSchedule schedule() const override { return equal_parts(plan_.steps, plan_.evaluations); }
  [[nodiscard]] const CriticTrainer& trainer() const { return trainer_; }
  [[nodiscard]] const Network& critic() const { return trainer_.critic().network(); }
  [[nodiscard]] int64_t seed() const { return plan_.config.seed; }

 private:
  CriticPlan plan_;
  CriticTrainer trainer_;
};

/// The same against a frozen generator.
class FrozenRun : public CriticRun {
 public:
  FrozenRun(const CriticPlan& plan, const RunPlace& place)
      : FrozenRun(plan, FrozenGenerator(plan.config.data), place) {}
  [[nodiscard]] const FrozenGenerator& data() const { return data_; }

 private:
  FrozenRun(const CriticPlan& plan, const FrozenGenerator& data, const RunPlace& place)
      : CriticRun(plan, data.real, data.fake, place), data_(data) {}

  FrozenGenerator data_;
};

/// For Study::curve_run, where all of a study's runs are of one class.
template <class Run>
std::unique_ptr<CurveRun> build_run(const nlohmann::json& settings, const RunPlace& place) {
  return std::make_unique<Run>(settings, place);
}

/// Trains a run alone, and returns its numbers. Throws NonFiniteError where its training diverged and that is no
/// outcome.
nlohmann::json train_alone(CurveRun& run);

}  // namespace kantor
