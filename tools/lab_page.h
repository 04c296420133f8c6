// The page of the lab as one HTML file; tools/lab/README.md says what is in it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kantor {

/// The page. `opened`: one or two configurations (TOML) that it starts with, none: its own. Throws Error where the
/// build left the lab out, saying what to install.
std::string lab_page(const std::vector<std::string>& opened);

/// The code that slow motion shows: {stage: [{file, line, text}]}. Throws Error naming the file in which it is not
/// found.
nlohmann::json lab_sources();

}  // namespace kantor
