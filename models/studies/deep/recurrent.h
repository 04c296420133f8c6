// The recurrent part of the study deep: a tanh RNN critic over sequences of several lengths, which is as deep as they
// are long.
#pragma once

#include "models/studies/framework/study.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace kantor::deep {

/// Named "rnn-<length>-<constraint>".
std::vector<Arm> recurrent_arms(const StudySettings& settings);
[[nodiscard]] bool is_recurrent(const nlohmann::json& run_settings);
nlohmann::json run_recurrent(const nlohmann::json& run_settings, Device device);
Conclusion conclude_recurrent(const std::vector<Outcome>& all, const StudySettings& settings);

}  // namespace kantor::deep
