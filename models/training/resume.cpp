#include "models/training/resume.h"

#include "models/training/config_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kantor {
namespace {

std::vector<ConfigChange> differences(const RunConfig& from, const RunConfig& to, bool changeable) {
  std::vector<ConfigChange> found;
  for (const ConfigField& field : config_fields()) {
    if (field.changeable != changeable || field.get(from) == field.get(to)) continue;
    found.push_back({field.key, to_string(field.get(from)), to_string(field.get(to))});
  }
  return found;
}

std::string changeable_keys() {
  std::vector<std::string> keys;
  for (const ConfigField& field : config_fields()) {
    if (field.changeable) keys.push_back(field.key);
  }
  return fmt::format("{}", fmt::join(keys, ", "));
}

}  // namespace

std::vector<ConfigChange> kept_differences(const RunConfig& from, const RunConfig& to) {
  return differences(from, to, false);
}

std::vector<ConfigChange> changeable_differences(const RunConfig& from, const RunConfig& to) {
  return differences(from, to, true);
}

std::vector<ConfigChange> changes_on_resume(const RunConfig& own, int64_t steps_done, const RunConfig& asked,
                                            const std::function<std::string(const std::string& key)>& origin) {
  const std::vector<ConfigChange> refused = kept_differences(own, asked);
  if (!refused.empty()) {
    const ConfigChange& first = refused.front();
    throw ConfigError(fmt::format(
        "--resume: {} is {} in this run, and {} asks for {}; the steps that are done depend on it, so leave it out, or "
        "begin a run of its own in another --out (a resumed run may change {})",
        first.key, first.from, origin(first.key), first.to, changeable_keys()));
  }
  if (asked.steps < steps_done) {
    throw ConfigError(
        fmt::format("--resume: {} asks for train.steps = {}, but {} steps are done already; ask for at least as many",
                    origin("train.steps"), asked.steps, steps_done));
  }
  return changeable_differences(own, asked);
}

}  // namespace kantor
