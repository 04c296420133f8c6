// What the tests of fused steps share: a small configuration, a pair of networks that fused launches train, and how far
// apart two arenas are.
#pragma once

#include "models/training/fused_training.h"
#include "models/training/networks.h"

#include <string>
#include <vector>

namespace kantor::testing {

inline constexpr Device simulator{Device::Kind::sim, 0};

/// Small enough to train on the simulator.
RunConfig small(const std::string& constraint, int64_t width = 24, int64_t depth = 3, int64_t batch = 32);

/// The same data under a law that the kernel is not told, so that the host draws it.
DatasetPtr unknown(DatasetPtr data);

/// A critic and a generator as a Trainer builds them, trained in fused launches.
struct FusedPair {
  /// `from`: the data; null: the configuration's. `cluster`: 0: chosen.
  explicit FusedPair(const RunConfig& of, int team = 0, DatasetPtr from = nullptr, int cluster = 0,
                     Arithmetic by = Arithmetic::float32);
  FusedPair(const RunConfig& of, const FusedOptions& options, DatasetPtr from = nullptr);
  FusedModel model() { return {&config, data.get(), &critic, &generator, nullptr, arithmetic}; }
  MlpOutcome run(int64_t steps);
  /// Weights, optimizer state and average.
  [[nodiscard]] std::vector<float> bits() const;

  RunConfig config;
  DatasetPtr data;
  Arithmetic arithmetic;
  Critic critic;
  Generator generator;
  FusedTraining training;
  int64_t done = 0;
};

/// The largest difference of two arrays, as a part of the largest number of the second.
double difference(const Arena& found, const Arena& expected);

/// Checks `steps` fused steps against the recorded ones: losses, weights, optimizer state and average, whose largest
/// difference is at most that part of the largest number.
void compare_with_steps(const RunConfig& config, int64_t steps, double tolerance,
                        Arithmetic arithmetic = Arithmetic::float32);

}  // namespace kantor::testing
