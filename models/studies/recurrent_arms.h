// The recurrent part of the study deep: a tanh RNN critic over sequences of several lengths, which is as deep as they
// are long.
#pragma once

#include "models/studies/arms.h"

namespace kantor {

std::vector<Arm> recurrent_arms(const StudySettings& s);
[[nodiscard]] bool is_recurrent_arm(const nlohmann::json& settings);
nlohmann::json run_recurrent_arm(const nlohmann::json& settings, Device device);
/// Adds its method, findings, figures, meaning and limits.
void conclude_recurrent(const std::vector<Outcome>& all, const StudySettings& s, Conclusion& conclusion);

}  // namespace kantor
