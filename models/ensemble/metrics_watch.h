// MetricsWatch: what a run that another process trains has written into its metrics.jsonl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kantor {

class MetricsWatch {
 public:
  /// Watches a run that goes on from `step`; -1: from its beginning, which includes the line of step 0.
  MetricsWatch(const std::filesystem::path& folder, int64_t step);

  /// The whole lines of later steps than any told before.
  std::vector<nlohmann::json> poll();
  /// The step of the last line told, at least the one from which it goes on.
  [[nodiscard]] int64_t step() const { return step_ < 0 ? 0 : step_; }

 private:
  std::filesystem::path path_;
  int64_t step_;
  uintmax_t read_ = 0;   // bytes
  uint64_t file_ = 0;    // inode: a resumed run begins a new file
  std::string partial_;  // of a line that is being written
};

}  // namespace kantor
