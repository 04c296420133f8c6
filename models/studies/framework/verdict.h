// Verdicts: what the numbers over seeds say about a claim. A finding with a bar is judged by its 95 % interval: shown
// where the interval lies inside the bar, not shown where it lies outside, unclear where it lies across, or where there
// are too few seeds. One run is never enough.
#pragma once

#include "models/metrics/interval.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

enum class Verdict : uint8_t { shown, not_shown, unclear };
/// "shown", "not shown", "unclear".
std::string to_string(Verdict verdict);

/// Where a mean has to lie: from `low` to `high`.
struct Bar {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool own = true;  // this project's proposal, not the literature's: a dagger in the table
};
/// "at least 0.5", "from 0.9 to 1.1".
std::string to_string(const Bar& bar);

/// What the literature reports, and where.
struct Reference {
  std::string published = {}, source = {};
};

/// One line of a study's table.
struct Finding {
  std::string what;                   // with its unit
  std::optional<Interval> ours = {};  // absent where no run measured it
  Reference reference = {};
  std::optional<Bar> bar = {};         // with a bar it counts for the verdict
  Verdict verdict = Verdict::unclear;  // where there is a bar
};

/// A measured line without a bar.
Finding observe(std::string what, std::span<const double> values, Reference reference = {});

/// A line that is judged: one value a seed, at least `needed` of them.
Finding judge(std::string what, std::span<const double> values, const Bar& bar, int64_t needed,
              Reference reference = {});

/// The verdict over all lines with a bar: shown if all are, not shown if one is not, otherwise unclear.
Verdict overall(const std::vector<Finding>& findings);

/// Throws Error where none has this text.
const Finding& find_finding(const std::vector<Finding>& findings, std::string_view what);

nlohmann::json to_json(const Finding& finding);

}  // namespace kantor
