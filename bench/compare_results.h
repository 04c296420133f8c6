// Two result files row by row: same, faster, slower or unclear.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kantor {

struct CompareOptions {
  double least = 0.05;      // a smaller difference does not matter, as a fraction
  double level = 0.99;      // of the intervals
  bool cold = false;        // compares the repetitions with overwritten caches
  bool different = false;   // also of other cards, builds, threads or arithmetic
  std::string filter = "";  // only rows whose key contains this
};

/// Compares files that read_result_file gave. Returns {"schema": "kantor-bench-compare", "version", "least", "level",
/// "cold", "differences": [text], "warnings": [text], "rows": [{"name", "size", ... of the row, "a", "b": median
/// seconds, "repetitions": [of a, of b], "ratio", "low", "high": of b to a, or null, "verdict", "why": of unclear,
/// "counts": {"launches": [of a, of b], ...} of those that differ}], "only_a", "only_b": [key], "slower", "faster",
/// "same", "unclear": counts}. Throws ConfigError if the files differ in what `differences` looks at and
/// options.different is false, if they are of `sim`, whose time is not a device's, and if no row is in both.
nlohmann::json compare_results(const nlohmann::json& a, const nlohmann::json& b, const CompareOptions& options);

/// The rows of a comparison, or of `bench ab`, as a table for people.
std::string comparison_table(const nlohmann::json& comparison);

}  // namespace kantor
