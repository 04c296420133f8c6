// Arms: what the studies share to make them and to find them.
#pragma once

#include "models/studies/framework/study.h"
#include "models/training/config.h"

#include <string_view>

namespace kantor {

/// The eight colours of charts (models/plot/chart.h) by name.
namespace colours {
constexpr int vermilion = 0, blue = 1, green = 2, pink = 3, orange = 4, sky = 5, grey = 6, black = 7;
}

/// `common` under weight clipping: by RMSProp, as published.
nlohmann::json clipped(nlohmann::json common, double c, double learning_rate);
/// `common` under the gradient penalty: by the default optimizer, Adam.
nlohmann::json penalised(nlohmann::json common, double lambda, double learning_rate);
/// The generator's optimizer and rate, the same as the critic's in `config`.
nlohmann::json both_networks(nlohmann::json config);

/// Throws Error naming an arm that is not there.
const Arm& find_arm(const std::vector<Arm>& arms, std::string_view name);

/// Adds the constraints that are shown besides a study's own: those of `settings` that no arm "<prefix><kind>..." has.
/// Each is trained as the arm `like` is.
void add_further(std::vector<Arm>& arms, const std::string& like, const StudySettings& settings,
                 const std::string& prefix = "");

/// The configuration that settings["config"] and the seed name. Throws ConfigError.
RunConfig config_of(const nlohmann::json& settings);

/// A whole number of the settings.
int64_t integer(const nlohmann::json& settings, const char* key);

}  // namespace kantor
