// metrics.jsonl and metrics.csv of a run folder (docs/run-folder.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {

/// The whole lines of a folder's metrics.jsonl; none where there is no such file.
std::vector<nlohmann::json> read_metrics(const std::filesystem::path& folder);

/// The last value of each key, from the last evaluation on: of a long file only its end is read.
nlohmann::json last_metrics(const std::filesystem::path& folder);

/// Appends line by line, each flushed.
class MetricsLog {
 public:
  /// Drops what the file holds after step `keep_to_step`; all of it for 0, as a run writes the line of step 0 again.
  MetricsLog(const std::filesystem::path& folder, int64_t keep_to_step);

  /// Throws FileError.
  void append(const nlohmann::json& line);
  /// The training time of the last line.
  [[nodiscard]] double seconds() const { return lines_.empty() ? 0 : lines_.back().value("seconds", 0.0); }
  /// The scalar columns into metrics.csv, in the order of their first appearance.
  void write_csv() const;

 private:
  std::filesystem::path path_, csv_;
  std::ofstream stream_;
  std::vector<nlohmann::json> lines_;
};

}  // namespace kantor
