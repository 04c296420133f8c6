#include "models/training/config.h"

#include "models/training/config_fields.h"

#include <fmt/format.h>

namespace kantor {
namespace {

/// GroupSort takes the units of an mlp's hidden layers in whole groups; as an activation of its own, in pairs.
void require_groups(const std::string& section, const NetworkConfig& net, int64_t group) {
  if (net.network == "mlp" && group > 1 && net.width % group != 0) {
    throw ConfigError(fmt::format("{}.width = {}: GroupSort sorts units in groups of {}; expected a multiple of it",
                                  section, net.width, group));
  }
}
/// The group that the network's own activation sorts.
int64_t sorted_group(const NetworkConfig& net) {
  return net.activation == "group_sort" ? 2 : 0;
}

}  // namespace

OptimizerConfig NetworkConfig::optimizer_config() const {
  return {optimizer, learning_rate, beta1, beta2, alpha, epsilon, weight_decay};
}

void validate(const RunConfig& config) {
  for (const ConfigField& field : config_fields()) {
    RunConfig copy = config;
    field.set(copy, field.get(config));  // throws for what the key does not take
  }
  if (config.data.kind == "file" && config.data.path.empty()) {
    throw ConfigError("data.kind = file: data.path must name the file or the folder of PNGs");
  }
  if (config.generator.norm == "layer" && config.generator.network == "dcgan") {
    throw ConfigError("generator.norm = layer: a dcgan generator takes none or batch");
  }
  if (config.critic.norm != "none" && config.critic.network == "rnn") {
    throw ConfigError(fmt::format("critic.norm = {}: an rnn critic takes none", config.critic.norm));
  }
  const bool group_sort = has_constraint(config.constraint.kind, "groupsort");
  if (group_sort && config.critic.network != "mlp") {
    throw ConfigError(
        fmt::format("critic.network = {}: critic.constraint = groupsort orthonormalizes linear layers; it takes mlp",
                    config.critic.network));
  }
  if (group_sort && config.constraint.sort_group == 1) {
    throw ConfigError("groupsort.group = 1: single units are sorted already; expected 0, or at least 2");
  }
  require_groups("generator", config.generator, sorted_group(config.generator));
  require_groups("critic", config.critic, group_sort ? config.constraint.sort_group : sorted_group(config.critic));
}

}  // namespace kantor
