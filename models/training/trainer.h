// Trainer: a generator and a critic, and the step that trains them. One step is `critic_steps` critic updates and one
// generator update, captured as one Step and replayed.
#pragma once

#include "engine/optimizer.h"
#include "engine/step.h"
#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/files/files.h"
#include "models/lipschitz/constraint.h"
#include "models/nn/network.h"
#include "models/training/checkpoint.h"
#include "models/training/config.h"

#include <memory>
#include <string>
#include <vector>

namespace kantor {

/// Losses of the last updates of a step.
struct StepLosses {
  double critic_loss = 0, generator_loss = 0, critic_estimate = 0, penalty = 0;
};

class Trainer {
 public:
  /// Builds networks, optimizers and the step. `capture` off runs eagerly. Throws ConfigError, FileError, DeviceError.
  Trainer(const RunConfig& config, DatasetRef data, Device device = {}, bool capture = true);
  ~Trainer();

  /// One step; `histograms`: of the critic's weights too. Throws NonFiniteError naming step, network and tensor where a
  /// loss or weight is not finite.
  void step(bool histograms = false);
  [[nodiscard]] int64_t steps_done() const { return steps_done_; }
  [[nodiscard]] StepLosses losses() const;

  [[nodiscard]] const Network& critic() const { return *critic_; }
  [[nodiscard]] const Constraint& constraint() const { return *constraint_; }
  [[nodiscard]] const Optimizer& critic_optimizer() const { return *critic_optimizer_; }
  /// The critic's gradients of its last update, one row per parameter.
  [[nodiscard]] const Arena& critic_gradients() const { return critic_gradients_; }
  /// What is sampled: the generator with its averaged weights, in evaluation mode.
  [[nodiscard]] const Network& sampler() const;
  /// `count` generated samples, engine layout; sample k is a function of (seed, stream, key, k).
  [[nodiscard]] Tensor generate(int64_t count, uint32_t stream, int64_t key) const;
  [[nodiscard]] const RunConfig& config() const { return config_; }
  [[nodiscard]] Device device() const { return device_; }

  /// All that a resumed run needs to go on bit for bit. The configuration inside leaves out what decides no numbers.
  [[nodiscard]] TensorFile checkpoint() const;
  /// Takes up where `file` was written. Throws FileError where it belongs to another configuration.
  void restore(const TensorFile& file);

 private:
  void once();
  void critic_update(const ConstraintBatch& batch);
  void generator_update();
  /// Every tensor that a resumed run needs.
  [[nodiscard]] std::vector<StateTensor> state() const;

  RunConfig config_;
  const Dataset& data_;
  Device device_;
  std::unique_ptr<Constraint> constraint_;
  std::unique_ptr<Network> generator_, critic_, sampler_;
  std::unique_ptr<Optimizer> generator_optimizer_, critic_optimizer_;
  Arena generator_gradients_, critic_gradients_, average_;
  Tensor slab_, counter_;  // data of a step; its number, for the random numbers
  Tensor losses_;          // of the last step, in one buffer: the host reads it once a step
  Tensor critic_loss_, generator_loss_, estimate_, penalty_;  // its elements, as StepLosses has them
  std::unique_ptr<Loader> loader_;
  std::unique_ptr<Step> step_;
  int64_t steps_done_ = 0;
};

/// One update of a critic, recordable: its loss, the gradients into their arena, the optimizer, which clips,
/// and the retraction of orthonormal layers.
CriticLoss update_critic(const Network& critic, const Constraint& constraint, const ConstraintBatch& batch,
                         const Arena& gradients, Optimizer& optimizer);
/// Clips before the first forward pass; from then on it is part of each update. Measures the weights' statistics.
void start_clipped(Optimizer& optimizer);
/// Throws NonFiniteError naming step, network and tensor where the loss or a weight of the last update is not finite.
void check_finite(int64_t step, const std::string& network, const Optimizer& optimizer, const Arena& parameters,
                  double loss);

/// Throws ConfigError or FileError for what a training cannot begin for: settings that do not fit each other or the
/// data, batch norm that would see one value a channel, fewer samples than one batch.
void check_trainable(const RunConfig& config, const Dataset& data);

/// How a network of a configuration starts.
NetworkOptions network_options(const RunConfig& config, const NetworkConfig& net, uint32_t stream, Device device);
/// The networks that a configuration asks for, as layer lists; the critic's as its constraint wants it. `sample` is the
/// data's sample shape. Throws ConfigError where they do not fit.
nlohmann::json critic_layers(const RunConfig& config, const Shape& sample);
nlohmann::json generator_layers(const RunConfig& config, const Shape& sample);

/// Streams of random numbers, one per use.
enum RandomStream : uint32_t {
  stream_generator_weights = 1,
  stream_critic_weights = 2,
  stream_data = 3,
  stream_critic_noise = 4,
  stream_generator_noise = 5,
  stream_eps = 6,
  stream_evaluation_data = 7,
  stream_evaluation_noise = 8,
  stream_evaluation_eps = 9,
  stream_pictures = 10,
  stream_constraint_noise = 11,
};

}  // namespace kantor
