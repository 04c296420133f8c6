// Progress: what a person sees while a run trains. One line that renews itself on a terminal, plain lines elsewhere.
#pragma once

#include "models/training/run.h"
#include "tools/run_arguments.h"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kantor {

class Progress {
 public:
  Progress(std::string title, const RunArguments& arguments);
  void show(const nlohmann::json& line);
  void message(const std::string& text);
  /// Ends the renewing line.
  void finish();

 private:
  std::string title_;
  bool quiet_, json_, terminal_, open_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int64_t first_step_ = -1;
  double last_shown_ = -1e9;
  std::string w1_;  // of the last evaluation
};

/// Trains and shows progress. SIGINT or SIGTERM ends in a checkpoint; a second signal ends at once. Returns 0, 5 if the
/// run diverged, which stderr reports, or 128 + the signal.
int train_with_progress(const RunConfig& config, const std::string& folder, Device device, bool resume,
                        const RunArguments& arguments);

}  // namespace kantor
