#include "models/studies/framework/arms.h"

#include "engine/error.h"
#include "models/training/config_toml.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace kantor {

using nlohmann::json;

json clipped(json common, double c, double learning_rate) {
  common.update({{"critic.constraint", "clip"},
                 {"clip.c", c},
                 {"critic.optimizer", "rmsprop"},
                 {"critic.learning_rate", learning_rate}});
  return common;
}

json penalised(json common, double lambda, double learning_rate) {
  common.update({{"critic.constraint", "penalty"}, {"critic.lambda", lambda}, {"critic.learning_rate", learning_rate}});
  return common;
}

json both_networks(json config) {
  for (const char* key : {"optimizer", "learning_rate"}) {
    const std::string critics = fmt::format("critic.{}", key);
    if (config.contains(critics)) config[fmt::format("generator.{}", key)] = config[critics];
  }
  return config;
}

const Arm& find_arm(const std::vector<Arm>& arms, std::string_view name) {
  const auto found = std::find_if(arms.begin(), arms.end(), [&](const Arm& arm) { return arm.name == name; });
  if (found == arms.end()) throw Error(fmt::format("this study has no arm '{}'", name));
  return *found;
}

void add_further(std::vector<Arm>& arms, const std::string& like, const StudySettings& settings,
                 const std::string& prefix) {
  const Arm model = find_arm(arms, like);  // a copy: the arms move as they grow
  int colour = colours::green;             // the first after clipping's and the penalty's
  for (const std::string& kind : settings.constraints) {
    const bool there = std::any_of(arms.begin(), arms.end(), [&](const Arm& arm) {
      return arm.name == prefix + kind || arm.name.starts_with(prefix + kind + "-");
    });
    if (there) continue;
    Arm arm{prefix + kind, kind, colour, model.config, model.more, true};
    arm.config["critic.constraint"] = kind;
    if (const double lambda = preset_lambda(kind); lambda > 0) arm.config["critic.lambda"] = lambda;
    arms.push_back(std::move(arm));
    colour = colour == colours::black ? colours::green : colour + 1;
  }
}

RunConfig config_of(const json& settings) {
  RunConfig config;
  for (const auto& [key, value] : settings.at("config").items()) apply_setting(config, key + "=" + value.dump());
  config.seed = settings.at("seed").get<int64_t>();
  validate(config);
  return config;
}

int64_t integer(const json& settings, const char* key) {
  return settings.at(key).get<int64_t>();
}

}  // namespace kantor
