// CriticTrainer: a critic alone, trained between two distributions that stand still. With data and data + noise it is a
// WGAN whose generator is held fixed (Gulrajani et al. 2017, figure 1).
#pragma once

#include "engine/optimizer.h"
#include "engine/step.h"
#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/lipschitz/constraint.h"
#include "models/nn/network.h"
#include "models/training/config.h"
#include "models/training/trainer.h"

#include <memory>
#include <nlohmann/json_fwd.hpp>

namespace kantor {

class CriticTrainer {
 public:
  /// Of `config` it takes the critic, its constraint, the batch and the seed; `layers` are Network's, over one sample
  /// of `real` and `fake`. Throws ConfigError, ShapeError, DeviceError.
  CriticTrainer(const RunConfig& config, const nlohmann::json& layers, DatasetRef real, DatasetRef fake,
                Device device = {}, bool capture = true);

  /// One update; `histograms`: of the weights too. Throws NonFiniteError naming step and tensor.
  void step(bool histograms = false);
  [[nodiscard]] int64_t steps_done() const { return steps_done_; }
  /// Of the last update; no generator's loss.
  [[nodiscard]] StepLosses losses() const;
  [[nodiscard]] const Network& critic() const { return *critic_; }
  [[nodiscard]] const Optimizer& optimizer() const { return *optimizer_; }
  [[nodiscard]] Device device() const { return critic_->options().device; }

 private:
  void once();

  RunConfig config_;
  std::unique_ptr<Constraint> constraint_;
  std::unique_ptr<Network> critic_;
  std::unique_ptr<Optimizer> optimizer_;
  Arena gradients_;
  Tensor real_, fake_, counter_;  // the batches of a step; its number, for the random numbers
  Tensor loss_, estimate_, penalty_;
  std::unique_ptr<Loader> real_loader_, fake_loader_;
  std::unique_ptr<Step> step_;
  int64_t steps_done_ = 0;
};

}  // namespace kantor
