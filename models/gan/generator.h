// Generator: a network, its optimizer, and a running average of its weights, and one update of it against a critic.
#pragma once

#include "models/gan/critic.h"
#include "models/gan/trainable_network.h"

#include <nlohmann/json_fwd.hpp>

namespace kantor {

/// How a Generator is trained: optimizer, running average, and the start of its network.
struct GeneratorOptions {
  OptimizerConfig optimizer = {};
  double ema_decay = 0.98;  // of the running average of the weights; 0: none, and the generator itself is sampled
  NetworkOptions network = {};
};

/// A generator with its optimizer and the running average of its weights.
class Generator {
 public:
  /// `layers` as Network takes them, over noise [latent]. Throws as Network does.
  Generator(const nlohmann::json& layers, int64_t latent, const GeneratorOptions& options);

  /// Samples of noise [B, latent], in training mode.
  Tensor operator()(const Tensor& z) const { return trainable_.network()(z); }
  /// One update against the critic's scores of the samples of z; returns the loss. `real` [B, ...] is read only where
  /// the critic's loss compares with real samples. Recordable in a Step.
  Tensor update(const Critic& critic, const Tensor& z, const Tensor& real = {});
  /// What is sampled: the network with its averaged weights.
  [[nodiscard]] const Network& sampler() const;

  [[nodiscard]] const Network& network() const { return trainable_.network(); }
  /// The running average of the parameters, with their rows.
  [[nodiscard]] const Arena& average() const { return average_; }
  [[nodiscard]] const TrainableNetwork& trainable() const { return trainable_; }
  [[nodiscard]] TrainableNetwork& trainable() { return trainable_; }

 private:
  double ema_decay_;
  TrainableNetwork trainable_;
  Network sampler_;
  Arena average_;
};

}  // namespace kantor
