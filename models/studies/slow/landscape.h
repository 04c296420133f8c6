// The loss landscape, a part of the study slow: the critic's loss around its weights, and the ends of its Hessian's
// spectrum, under each constraint. landscape_probe.h measures it.
#pragma once

#include "models/studies/framework/study.h"

#include <vector>

namespace kantor::slow {

/// One arm "landscape-<constraint>" a constraint, "landscape-clip-<c>" for two widths of the range.
std::vector<Arm> landscape_arms(const StudySettings& settings);

Conclusion conclude_landscape(const std::vector<Outcome>& all, const StudySettings& settings);

}  // namespace kantor::slow
