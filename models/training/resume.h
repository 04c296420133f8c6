// Resume: what a run that has begun may change. The rest decided the steps that are done, and stays.
#pragma once

#include "models/training/config.h"

#include <functional>
#include <string>
#include <vector>

namespace kantor {

/// One key of a configuration that a resume changes; values as TOML writes them.
struct ConfigChange {
  std::string key, from, to;
};

/// What differs between two configurations: of the keys that a started run keeps, or of those that it may change.
std::vector<ConfigChange> kept_differences(const RunConfig& from, const RunConfig& to);
std::vector<ConfigChange> changeable_differences(const RunConfig& from, const RunConfig& to);

/// The changes that make `asked` of a started run's own configuration. `origin(key)` says what asked for a key, such as
/// "--set critic.width=9". Throws ConfigError, naming key, values and origin, where a key differs that the run keeps,
/// and where fewer steps are asked for than are done.
std::vector<ConfigChange> changes_on_resume(const RunConfig& own, int64_t steps_done, const RunConfig& asked,
                                            const std::function<std::string(const std::string& key)>& origin);

}  // namespace kantor
