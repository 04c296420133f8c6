// CriticTrainer: a critic alone, trained between two distributions that do not change. With data and data + noise it is
// a WGAN whose generator is frozen (Gulrajani et al. 2017, figure 1).
#pragma once

#include "engine/host_copies.h"
#include "engine/step.h"
#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/gan/critic.h"
#include "models/training/config.h"
#include "models/training/step_report.h"

#include <memory>
#include <nlohmann/json_fwd.hpp>

namespace kantor {

/// Trains a critic alone, between two distributions that do not change.
class CriticTrainer {
 public:
  /// Of `config` it takes the critic, its constraint and loss, the batch and the seed; `layers` are Network's, over one
  /// sample of `real` and `fake`. Throws ConfigError, ShapeError, DeviceError.
  CriticTrainer(const RunConfig& config, const nlohmann::json& layers, DatasetPtr real, DatasetPtr fake,
                Device device = {}, bool capture = true);

  /// One update; `histograms`: of the weights too. Throws NonFiniteError naming step and tensor.
  void step(bool histograms = false);
  [[nodiscard]] int64_t steps_done() const { return steps_done_; }
  /// The losses of the last update; there is no generator's loss.
  [[nodiscard]] StepLosses losses() const { return report_.losses(); }
  [[nodiscard]] const Critic& critic() const { return critic_; }
  [[nodiscard]] Device device() const { return critic_.network().options().device; }

 private:
  void once();

  RunConfig config_;
  Critic critic_;
  Tensor real_, fake_, counter_;  // the batches of a step; its number, for the random numbers
  Upload real_upload_, fake_upload_;
  StepReport report_;
  std::unique_ptr<Loader> real_loader_, fake_loader_;
  std::unique_ptr<Step> step_;
  int64_t steps_done_ = 0;
};

}  // namespace kantor
