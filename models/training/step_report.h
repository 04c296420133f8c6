// StepReport: what a training step tells the host, its losses and the statistics of the weights. They lie in one buffer
// of the device, where the ops of the step leave them, and come to the host in one copy.
#pragma once

#include "engine/host_copies.h"
#include "models/gan/critic_loss.h"
#include "models/gan/trainable_network.h"

#include <vector>

namespace kantor {

/// Losses of the last updates of a step; 0 of what it has none of.
struct StepLosses {
  double critic_loss = 0, generator_loss = 0, critic_estimate = 0, penalty = 0;
};

/// The losses and weight statistics of a step.
class StepReport {
 public:
  /// Of the critic, and of the generator if it is trained. They are kept by address, and their optimizers write their
  /// statistics here from now on: before a Step is recorded.
  explicit StepReport(std::vector<TrainableNetwork*> networks);

  /// Where a step leaves its losses. Recordable.
  void write(const CriticLoss& loss) const;
  void write_generator_loss(const Tensor& loss) const;
  /// The same, from the host.
  void write(const StepLosses& losses) const;

  /// Begins to bring the report of the work that the device has been given to the host.
  void start() { download_.start(); }
  /// Waits for it, and throws NonFiniteError as TrainableNetwork::check_finite does.
  void check(int64_t step) const;
  /// As the last report has them.
  [[nodiscard]] StepLosses losses() const;

 private:
  std::vector<TrainableNetwork*> networks_;
  Tensor buffer_;               // float64: places of four float32 losses, then the statistics of each network
  std::vector<Tensor> losses_;  // float32 [], in the order of StepLosses
  Download download_;
};

}  // namespace kantor
