// The folder of one run of a study: its settings.json, and the result.json that stands there when it has been done.
#pragma once

#include "models/studies/framework/study.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace kantor {

/// Throws FileError.
void make_folder(const std::filesystem::path& folder);

/// The result of a run that is finished, by this version of the program, with these settings and on such a device: GPUs
/// of one machine count as one.
std::optional<nlohmann::json> finished_result(const std::filesystem::path& folder, const nlohmann::json& settings,
                                              const std::string& device);

/// Begins a run: its folder with its settings, and without a result of others. False where it is finished.
bool begin_run(const std::filesystem::path& folder, const nlohmann::json& settings, const std::string& device);

/// The settings that lie in the folder. Throws FileError, also for those that `error` tells of.
nlohmann::json run_settings(const Study& study, const std::filesystem::path& folder);
[[noreturn]] void refuse_settings(const Study& study, const std::filesystem::path& folder, const std::string& error);

/// How a run ended.
struct RunEnding {
  nlohmann::json numbers = {};
  std::string diverged = {};  // its training diverged, and why: a result without numbers
  double seconds = 0, cpu_seconds = 0;
};

/// Writes result.json, whole or not at all.
void write_result(const std::filesystem::path& folder, const Study& study, const nlohmann::json& settings,
                  Device device, const RunEnding& ending);

}  // namespace kantor
