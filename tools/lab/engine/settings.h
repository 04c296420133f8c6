// Settings: configurations as the page writes them.
#pragma once

#include "models/training/config_fields.h"
#include "tools/lab/engine/answer.h"

#include <optional>
#include <string>

namespace kantor::lab {

/// Whether the lab offers this key: the ones that decide the numbers of a training on the plane.
bool is_offered(const ConfigField& field);
/// The largest value that the lab takes of a number, so that a page is not asked for hours or gigabytes.
std::optional<double> most_in_the_lab(const std::string& key);

/// The configuration that keys are left to: a preset under the constraint, on smaller networks than on the command
/// line.
RunConfig starting_point(const std::string& preset, const std::string& constraint);
/// Sets keys of a configuration: {key: value}, as the page writes them. Throws ConfigError.
void set_keys(RunConfig& config, const json& settings);
/// A configuration from {key: value}, with "preset" for the starting point, or from a TOML text. Throws Error.
RunConfig read_settings(const json& settings, std::vector<std::string>& warnings);

json to_json(const ConfigValue& value);
/// The values of the keys that the lab offers.
json offered_values(const RunConfig& config);

}  // namespace kantor::lab
