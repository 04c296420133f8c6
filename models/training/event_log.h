// EventLog: the lines of metrics.jsonl as TensorBoard's events, in one file of the run folder.
#pragma once

#include "models/files/files.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {

class EventLog {
 public:
  /// Begins a new file that holds `lines`, what a resumed run keeps, and removes the folder's older ones: no step
  /// stands there twice. Throws FileError.
  EventLog(const std::filesystem::path& folder, const std::vector<nlohmann::json>& lines);

  /// Adds a line: each number as a scalar of its key's name, the picture where there is one. Throws FileError.
  void append(const nlohmann::json& line);

 private:
  [[nodiscard]] std::string encode(const nlohmann::json& line) const;

  std::filesystem::path folder_, path_;
  std::ofstream stream_;
  double start_ = 0;  // such that start + "seconds" is an event's time: TensorBoard's relative axis is training time
};

}  // namespace kantor
