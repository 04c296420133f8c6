// What follows from the runs of the study benchmark-w1.
#pragma once

#include "models/studies/framework/study.h"

#include <vector>

namespace kantor::benchmark_w1 {

Conclusion conclude(const std::vector<Outcome>& all, const StudySettings& settings);

}  // namespace kantor::benchmark_w1
