// The keys of a configuration: one table drives reading, printing, `--set`, checks and docs/configuration.md.
#pragma once

#include "models/training/config.h"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace kantor {

using ConfigValue = std::variant<bool, int64_t, double, std::string>;

struct ConfigField {
  std::string key;   // "train.steps"
  std::string text;  // one line for users: meaning, unit, range
  std::function<ConfigValue(const RunConfig&)> get;
  std::function<void(RunConfig&, const ConfigValue&)> set;  // throws ConfigError
  bool changeable = false;                                  // by a resumed run (resume.h)
  std::vector<std::string> choices = {};                    // of a word; empty: any
  double low = 0, high = 0;                                 // of a number; equal: not a number
};
const std::vector<ConfigField>& config_fields();
/// Throws ConfigError with the nearest known key.
const ConfigField& find_field(const std::string& key);
/// A value as TOML writes it.
std::string to_string(const ConfigValue& value);

}  // namespace kantor
