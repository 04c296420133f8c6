// Verdicts: what the numbers over seeds say of a claim. A finding with a bar is judged by its 95 % interval: shown
// where the interval lies inside the bar, not shown where it lies outside, unclear where it lies across, or where there
// are too few seeds. Never by one run.
#pragma once

#include "models/metrics/interval.h"

#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
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

/// Of all lines with a bar: shown where all are, not shown where one is not, else unclear.
Verdict overall(const std::vector<Finding>& findings);

nlohmann::json to_json(const Finding& finding);

}  // namespace kantor
