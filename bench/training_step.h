// The whole training steps that benchmarks time: a critic's update under a constraint, and a generator's, with their
// random numbers drawn inside.
#pragma once

#include "models/files/safetensors.h"
#include "models/gan/critic.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {

/// A pair of networks to time, and the size of its batches.
struct BenchModel {
  std::string name;  // as parse_bench_model takes it
  nlohmann::json critic, generator;
  Shape sample;  // of one sample, PyTorch's order
  int64_t z = 0, batch = 0;
  /// FLOPs of the critic's hidden layers in one forward pass, L M of docs/architecture.md; 0 if they are not counted.
  int64_t hidden_flops = 0;
};

/// "mlp:WIDTH:BATCH" (three hidden layers, 2 numbers in), "dcgan:DIM:BATCH" (28 x 28 x 1) or "dcgan64:DIM:BATCH"
/// (64 x 64 x 3). Throws Error for anything else.
BenchModel parse_bench_model(const std::string& name);

/// A critic's step with samples of a frozen generator, or a generator's step against a frozen critic.
class TrainingStep {
 public:
  /// `kind` is "generator" or the critic's constraint; `optimizer` is of the network that is trained.
  TrainingStep(const BenchModel& model, const std::string& kind, const OptimizerConfig& optimizer, Device device);

  /// Does the step once. Recordable in a Step.
  void operator()();
  /// Goes back to the first weights, and overwrites the gradients by NaN; optimizer and random numbers go on.
  void restart();
  /// The weights of both networks ("critic.<layer>.<name>", "generator...") and the "real", "z" and "eps" of the next
  /// step, in PyTorch's layout, on the host; the networks' layers are in the metadata.
  [[nodiscard]] TensorFile inputs() const;
  /// "grad.<layer>.<name>" of the last step, in PyTorch's layout, on the host.
  [[nodiscard]] TensorFile gradients() const;

 private:
  [[nodiscard]] Tensor noise(const Tensor& counter) const;
  [[nodiscard]] const TrainableNetwork& trained() const;

  BenchModel model_;
  std::string kind_;
  Critic critic_;
  TrainableNetwork generator_;
  Tensor real_, counter_;
  Tensor critic_start_, generator_start_;  // the first weights
};

}  // namespace kantor
