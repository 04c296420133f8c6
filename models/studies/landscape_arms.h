// The loss landscape, a part of the study slow: the critic's loss round its weights, and the largest eigenvalue of its
// Hessian, under each constraint.
#pragma once

#include "models/studies/arms.h"

namespace kantor {

/// One arm "landscape-<constraint>" a constraint, "landscape-clip" for two widths of the box.
std::vector<Arm> landscape_arms(const StudySettings& settings);

/// Adds what these arms have to say to the study's conclusion.
void conclude_landscape(const std::vector<Outcome>& all, const StudySettings& settings, Conclusion& conclusion);

}  // namespace kantor
