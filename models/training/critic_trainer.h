// CriticTrainer: a critic alone, trained between two distributions that do not change. With data and data + noise it is
// a WGAN whose generator is frozen (Gulrajani et al. 2017, figure 1).
#pragma once

#include "engine/host_copies.h"
#include "engine/step.h"
#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/gan/critic.h"
#include "models/training/config.h"
#include "models/training/fusable_training.h"
#include "models/training/fused_options.h"
#include "models/training/step_report.h"

#include <memory>
#include <nlohmann/json_fwd.hpp>

namespace kantor {

class FusedTraining;

/// Trains a critic alone, between two distributions that do not change.
class CriticTrainer final : public FusableTraining {
 public:
  /// Of `config` it takes the critic, its constraint and loss, the batch and the seed; `layers` are Network's, over one
  /// sample of `real` and `fake`. Throws ConfigError, also where steps are to be fused and cannot be, ShapeError,
  /// DeviceError.
  CriticTrainer(const RunConfig& config, const nlohmann::json& layers, DatasetPtr real, DatasetPtr fake,
                Device device = {}, bool capture = true, FusedOptions fused = {});
  ~CriticTrainer() override;

  /// One update; `histograms`: of the weights too. Throws NonFiniteError naming step and tensor.
  void step(bool histograms = false);
  void steps(int64_t count, bool histograms = false) override;
  [[nodiscard]] FusedModel fused_model() override;
  [[nodiscard]] FusedSamples next_samples(int64_t steps) override;
  void take(const MlpOutcome& outcome) override;
  [[nodiscard]] int fused_team() const override;
  [[nodiscard]] int64_t steps_done() const override { return steps_done_; }
  /// The losses of the last update; there is no generator's loss.
  [[nodiscard]] StepLosses losses() const { return report_.losses(); }
  [[nodiscard]] const Critic& critic() const { return critic_; }
  [[nodiscard]] Device device() const { return critic_.network().options().device; }

 private:
  void once();
  Loader& real_loader();
  Loader& fake_loader();

  RunConfig config_;
  DatasetPtr real_data_, fake_data_;
  Critic critic_;
  Tensor real_, fake_, counter_;  // the batches of a step; its number, for the random numbers
  Upload real_upload_, fake_upload_;
  StepReport report_;
  std::unique_ptr<Loader> real_loader_, fake_loader_;  // from the first step on that takes samples of theirs
  std::unique_ptr<Step> step_;
  Arithmetic fused_arithmetic_;
  std::unique_ptr<FusedTraining> fused_;
  int64_t steps_done_ = 0;
};

}  // namespace kantor
