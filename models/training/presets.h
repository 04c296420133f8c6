// Presets: the settings of the papers, and settings that show something in a minute.
#pragma once

#include "models/training/config.h"

#include <string>
#include <vector>

namespace kantor {

/// The names of all presets.
const std::vector<std::string>& preset_names();
/// A preset under a constraint ("" is the penalty): the constraint's customary optimizer comes with it. Throws
/// ConfigError naming the known ones.
RunConfig preset(const std::string& name, const std::string& constraint);

}  // namespace kantor
