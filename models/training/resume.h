// Resume: what a started run may change. The other settings decided the steps that are done, and cannot change.
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

/// The differences between two configurations: among the keys that a started run keeps, or those that it may change.
std::vector<ConfigChange> kept_differences(const RunConfig& from, const RunConfig& to);
std::vector<ConfigChange> changeable_differences(const RunConfig& from, const RunConfig& to);

/// The changes that turn a started run's own configuration into `asked`. `origin(key)` says what set a key, such as
/// "--set critic.width=9". Throws ConfigError, naming key, values and origin, where a key differs that the run keeps,
/// and where fewer steps are asked for than are done.
std::vector<ConfigChange> changes_on_resume(const RunConfig& own, int64_t steps_done, const RunConfig& asked,
                                            const std::function<std::string(const std::string& key)>& origin);

}  // namespace kantor
