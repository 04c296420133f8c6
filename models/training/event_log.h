// EventLog: the lines of metrics.jsonl as TensorBoard's events, in files of the run folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>

namespace kantor {

class EventLog {
 public:
  /// Begins a new file. Cuts off what older files have after step `keep_to_step`, so that no step appears twice. They
  /// stay, because a running TensorBoard stops at a file that disappears. Throws FileError.
  EventLog(const std::filesystem::path& folder, int64_t keep_to_step);

  /// Adds a line: each number as a scalar of its key's name, the picture where there is one. Throws FileError.
  void append(const nlohmann::json& line);

 private:
  std::filesystem::path folder_, path_;
  std::ofstream stream_;
  double start_ =
      0;  // the first file's: start + "seconds" is an event's time, and TensorBoard's relative axis training
};

}  // namespace kantor
