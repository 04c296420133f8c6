// Configurations as TOML, and single settings.
#pragma once

#include "models/training/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// Applies a TOML text. Names of an earlier version are taken too, and `warnings`, where it is given, gets a line for
/// each that names the new one. Throws ConfigError with the line, the key and the nearest known one.
void apply_toml(RunConfig& config, std::string_view text, const std::string& source,
                std::vector<std::string>* warnings = nullptr);
/// Applies "a.b=value".
void apply_setting(RunConfig& config, const std::string& setting, std::vector<std::string>* warnings = nullptr);
/// The whole configuration as TOML, sections in order, with comments where `explained`.
std::string to_toml(const RunConfig& config, bool explained = false);

}  // namespace kantor
