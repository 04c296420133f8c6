// RunConfig: everything that decides a run's numbers. One table of fields drives reading, printing, `--set`, validation
// and docs/configuration.md.
#pragma once

#include "engine/error.h"
#include "engine/optimizer.h"
#include "models/data/dataset.h"
#include "models/files/text.h"
#include "models/lipschitz/constraint.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kantor {

/// A configuration that is wrong: unknown key, bad value, bad syntax (exit code 2).
struct ConfigError : Error {
  using Error::Error;
};

struct NetworkConfig {
  std::string network = "mlp";  // mlp, dcgan; a critic also rnn
  int64_t width = 128, depth = 3;
  int64_t dim = 64;
  std::string activation = "relu", norm = "none", initialization = "he_uniform";
  std::string optimizer = "adam";
  double learning_rate = 1e-4, beta1 = 0.5, beta2 = 0.9, alpha = 0.99, epsilon = 1e-8;

  [[nodiscard]] OptimizerConfig optimizer_config() const;
};

struct RunConfig {
  std::string name = "run";
  DataConfig data;
  NetworkConfig generator, critic;
  int64_t z = 2;
  double average = 0.98;  // decay of the generator's running average; 0 samples from the generator itself
  ConstraintConfig constraint;
  int64_t steps = 2000, batch = 256, critic_steps = 5, seed = 1;
  int64_t log_every = 10, eval_every = 250, eval_samples = 1024, sample_every = 500, checkpoint_every = 500;
};

using ConfigValue = std::variant<bool, int64_t, double, std::string>;

struct ConfigField {
  std::string key;   // "train.steps"
  std::string text;  // one line for users: meaning, unit, range
  std::function<ConfigValue(const RunConfig&)> get;
  std::function<void(RunConfig&, const ConfigValue&)> set;  // throws ConfigError
  bool changeable = false;                                  // by a resumed run (resume.h)
};
const std::vector<ConfigField>& config_fields();
/// A value as TOML writes it.
std::string to_string(const ConfigValue& value);

/// Names of the presets, and one of them under a constraint: the constraint's customary optimizer comes with it.
const std::vector<std::string>& preset_names();
RunConfig preset(const std::string& name, const std::string& constraint);

/// Applies a TOML text. Throws ConfigError with the line, the key and the nearest known one.
void apply_toml(RunConfig& config, std::string_view text, const std::string& source);
/// Applies "a.b=value".
void apply_setting(RunConfig& config, const std::string& setting);
/// Checks what single fields cannot. Throws ConfigError.
void validate(const RunConfig& config);
/// The whole configuration as TOML, sections in order, with comments where `explained`.
std::string to_toml(const RunConfig& config, bool explained = false);

}  // namespace kantor
