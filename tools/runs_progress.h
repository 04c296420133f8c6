// RunsProgress: what a person sees while many runs are trained. A line for each that ends, and between them, on a
// terminal, one that renews itself.
#pragma once

#include "models/ensemble/train_runs.h"

#include <chrono>
#include <set>
#include <string>

namespace kantor {

class RunsProgress {
 public:
  explicit RunsProgress(bool quiet);
  /// What is going on: renewed on a terminal, elsewhere a line a minute.
  void show(const RunsState& state);
  /// A run that has ended; of a failed one the end of its output. Failures are told where it is quiet, too.
  void show(const RunEnd& end);
  /// Ends the renewing line.
  void finish();

 private:
  void warn_once(const RunEnd& end);

  bool quiet_, terminal_, open_ = false;
  std::chrono::steady_clock::time_point shown_;
  std::set<std::string> warnings_;  // that were told
};

}  // namespace kantor
