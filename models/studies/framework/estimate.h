// Estimate: what the trainings of a study would take on a device, computed from steps that are timed there.
#pragma once

#include "models/studies/framework/study.h"

#include <cstddef>

namespace kantor {

/// Time of the trainings, one after the other but for those that share launches, without what is evaluated between
/// their steps.
struct StudyEstimate {
  size_t shared = 0;   // runs that share launches
  size_t alone = 0;    // trainings that share none
  size_t unknown = 0;  // runs of another kind, and trainings that diverged while they were timed
  double seconds = 0;  // of the known ones
};

/// Times some steps of each kind of training, for about a second.
StudyEstimate estimate_study(const Study& study, const StudySettings& settings, Device device,
                             Fused fused = Fused::automatic);

}  // namespace kantor
