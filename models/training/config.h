// RunConfig: everything that decides a run's numbers. Its keys stand in config_fields.h; config_toml.h reads and writes
// them.
#pragma once

#include "engine/error.h"
#include "engine/optimizer.h"
#include "models/data/open_dataset.h"
#include "models/lipschitz/constraint.h"

#include <cstdint>
#include <string>

namespace kantor {

/// A configuration that is wrong: unknown key, bad value, bad syntax (exit code 2).
struct ConfigError : Error {
  using Error::Error;
};

/// The keys `generator.*` and `critic.*` of a configuration; docs/configuration.md explains them.
struct NetworkConfig {
  std::string network = "mlp";  // mlp, dcgan; a critic also rnn
  int64_t width = 128, depth = 3;
  int64_t dim = 64;
  std::string activation = "relu", norm = "none", initialization = "he_uniform";
  std::string optimizer = "adam";
  double learning_rate = 1e-4, beta1 = 0.5, beta2 = 0.9, alpha = 0.99, epsilon = 1e-8, weight_decay = 0;

  [[nodiscard]] OptimizerConfig optimizer_config() const;
};

/// A whole configuration of a run; docs/configuration.md explains its keys.
struct RunConfig {
  std::string name = "run";
  DataConfig data;
  NetworkConfig generator, critic;
  int64_t z = 2;
  double ema_decay = 0.98;  // of the generator's running average; 0 samples from the generator itself
  std::string loss = "wasserstein";
  ConstraintConfig constraint;
  int64_t steps = 2000, batch = 256, critic_steps = 5, seed = 1;
  int64_t log_every = 10, eval_every = 250, eval_samples = 1024, sample_every = 500, checkpoint_every = 500;
};

/// Checks what single keys cannot. Throws ConfigError.
void validate(const RunConfig& config);

}  // namespace kantor
