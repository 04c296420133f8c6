// What follows from the runs on images of the study samples.
#pragma once

#include "models/studies/framework/study.h"

#include <vector>

namespace kantor::samples {

/// Method, findings, figures and texts on the images.
Conclusion conclude_images(const std::vector<Outcome>& all, const StudySettings& settings);

}  // namespace kantor::samples
