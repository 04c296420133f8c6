// The image part of the study `samples`: convolutional generators trained on Fashion-MNIST (or on MNIST's files, where
// they are given), and what a classifier that the program trains itself says of their samples.
#pragma once

#include "models/studies/arms.h"

namespace kantor {

/// Clipping and the penalty, once with the same networks and optimizer for both, once each with its customary ones.
std::vector<Arm> image_arms(const StudySettings& settings);
bool is_image_arm(const nlohmann::json& settings);

/// One training; leaves samples.png and data.png in `folder`. The classifier lies beside `folder`, for all runs: the
/// first ones train it. Throws FileError where the images are missing.
nlohmann::json run_image_arm(const nlohmann::json& settings, Device device, const std::filesystem::path& folder);

/// Adds method, findings, figures and texts on the images.
void conclude_images(const std::vector<Outcome>& all, const StudySettings& settings, Conclusion& conclusion);

}  // namespace kantor
