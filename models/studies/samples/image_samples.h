// The image part of the study `samples`: convolutional generators trained on Fashion-MNIST (or on MNIST's files, where
// they are given), and what a classifier that the program trains itself says of their samples.
#pragma once

#include "models/studies/framework/study.h"

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor::samples {

constexpr size_t late_evaluations = 3;  // at the end, which are averaged

/// Two arms that a finding compares.
struct Comparison {
  std::string name, title;
  Arm clip, penalty;
};
std::vector<Comparison> comparisons(const StudySettings& settings);

/// Those of the comparisons: clipping and the penalty, once with the same networks and optimizer for both, once each
/// with its customary ones; and further constraints with the settings that are the same for both.
std::vector<Arm> image_arms(const StudySettings& settings);
[[nodiscard]] bool is_image_run(const nlohmann::json& run_settings);

/// One training; leaves samples.png and data.png in `folder`. The classifier lies beside `folder`, for all runs: the
/// first ones train it. Throws FileError where the images are missing.
nlohmann::json run_images(const nlohmann::json& run_settings, Device device, const std::filesystem::path& folder);

}  // namespace kantor::samples
