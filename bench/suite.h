// Suites of the microbenchmark: what `kantor bench NAME` times, a file each in bench/suites. A new suite is such a file
// and a line in suite.cpp.
#pragma once

#include "bench/harness.h"

#include <string>
#include <vector>

namespace kantor {

struct Suite {
  std::string name;  // of the subcommand: "clip-vs-penalty"
  std::string text;  // what it times, for its help
  /// Everything there is to time on the device, in the order of rows.
  std::vector<Subject> (*subjects)(const BenchOptions& options) = nullptr;
  /// What rows say of each other, added when all are timed; may be null.
  void (*finish)(nlohmann::json& rows) = nullptr;
};

const std::vector<Suite>& suites();
/// Throws Error with the names that there are.
const Suite& suite_named(const std::string& name);

}  // namespace kantor
