// Many steps of a training in one launch, where a kernel holds both networks (engine/mlp_training.h): the same draws
// and formulas as the recorded step, to rounding.
#pragma once

#include "engine/mlp_training.h"
#include "models/data/dataset.h"
#include "models/gan/critic.h"
#include "models/gan/generator.h"
#include "models/training/config.h"
#include "models/training/fused_options.h"
#include "models/training/step_report.h"

#include <memory>
#include <span>
#include <string>

namespace kantor {

/// One training's networks and how they are trained.
struct FusedModel {
  const RunConfig* config;
  const Dataset* data;
  Critic* critic;
  Generator* generator;                        // null: a critic alone, a step is one update of it
  const Dataset* fake_data = nullptr;          // its generated samples
  Arithmetic arithmetic = fused_arithmetic();  // of its products
};

/// Why the steps of this training cannot be fused, such as "layer 2 of the critic is batch_norm"; "" where they can.
std::string why_not_fused(const FusedModel& model, Device device);

/// The launch of this model alone; models whose launches are equal can be trained together.
MlpTraining fused_launch(const FusedModel& model);

/// Whether the kernel draws this data itself.
bool drawn_inside(const Dataset& data);

/// What a model's next steps begin with: the steps that are done, and the samples of those to do, [steps, critic steps,
/// batch, features]: real ones, and generated ones of a critic alone, unless they are drawn inside.
struct FusedInput {
  int64_t done;
  std::span<const float> real;
  std::span<const float> fake = {};
};

/// The losses of the last step that was done.
StepLosses last_losses(const MlpOutcome& outcome);

/// Trains models of one architecture, batch, number of critic steps and arithmetic together.
class FusedTraining {
 public:
  /// Throws Error with why_not_fused's reason. Of the options it takes team, cluster and
  /// multicast; the arithmetic is that of the models.
  FusedTraining(std::vector<FusedModel> models, Device device, const FusedOptions& options = {});

  /// `steps` steps of every model. The weights' statistics are then those of the last step, with histograms.
  std::vector<MlpOutcome> run(int64_t steps, const std::vector<FusedInput>& inputs);
  [[nodiscard]] int team() const { return trainer_.team(); }
  [[nodiscard]] int cluster() const { return trainer_.cluster(); }
  [[nodiscard]] Arithmetic arithmetic() const { return models_.front().arithmetic; }
  [[nodiscard]] bool multicast() const { return trainer_.multicast(); }

 private:
  std::vector<FusedModel> models_;
  Device device_;
  MlpTrainer trainer_;
};

/// How a training's steps are done: fused by `training`, or recorded, and why.
struct FusedChoice {
  std::unique_ptr<FusedTraining> training = {};
  std::string why_not = {};
};
/// By `options`, and, on a GPU, by the self-check (fused_check.h). `capture` off: steps run op by op. Throws
/// ConfigError where steps are to be fused and cannot be.
FusedChoice choose_fused(const FusedModel& model, Device device, const FusedOptions& options, bool capture);

}  // namespace kantor
