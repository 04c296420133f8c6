// The list of studies.
#pragma once

#include "models/studies/framework/study.h"

#include <string>
#include <vector>

namespace kantor {

/// All studies, in the order of the report.
const std::vector<Study>& studies();
/// Throws ConfigError naming the known ones.
const Study& find_study(const std::string& name);

}  // namespace kantor
