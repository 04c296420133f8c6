// Critic: a network, the constraint that keeps it Lipschitz, its optimizer and its loss, and one update of it. The
// order of the calls (layers, bounds, optimizer, first clip, retraction) lives here and in TrainableNetwork.
#pragma once

#include "models/gan/critic_loss.h"
#include "models/gan/trainable_network.h"

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kantor {

/// How a Critic is trained: constraint, optimizer, loss, and the start of its network.
struct CriticOptions {
  ConstraintConfig constraint = {};
  OptimizerConfig optimizer = {};
  std::string loss = "wasserstein";  // one of loss_names()
  NetworkOptions network = {};
};

/// A critic with its constraint, loss and optimizer.
class Critic {
 public:
  /// `layers` and `sample` as Network takes them; the constraint edits the layers. Throws ShapeError and Error where
  /// they do not fit, or a name is unknown.
  Critic(const nlohmann::json& layers, const Shape& sample, const CriticOptions& options);

  /// One update: the loss, its gradients, the optimizer's step, the clip. Recordable in a Step.
  CriticLoss update(const CriticBatch& batch);
  /// The loss alone.
  [[nodiscard]] CriticLoss loss(const CriticBatch& batch) const;

  [[nodiscard]] const Network& network() const { return trainable_.network(); }
  [[nodiscard]] const Constraint& constraint() const { return *constraint_; }
  [[nodiscard]] const Loss& loss_function() const { return loss_; }
  [[nodiscard]] const TrainableNetwork& trainable() const { return trainable_; }
  [[nodiscard]] TrainableNetwork& trainable() { return trainable_; }

 private:
  std::unique_ptr<Constraint> constraint_;
  Loss loss_;
  TrainableNetwork trainable_;
};

}  // namespace kantor
