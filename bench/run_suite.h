// A suite from beginning to end: the machine's rates, the rows, what bounds them, and what is wrong with them, as the
// JSON that all suites share and as a table.
#pragma once

#include "bench/harness.h"
#include "bench/machine.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

/// A list of things to time under a name. `finish` may be empty; `extra` goes into the file beside "suite".
struct SuiteRun {
  std::string name;
  std::vector<Subject> subjects;
  std::function<void(nlohmann::json& rows)> finish = {};
  nlohmann::json extra = nlohmann::json::object();
};

/// Runs what the filter selects. Gives {"schema": "kantor-bench", "version": 1, "suite", ...bench_context, "time",
/// "machine": to_json(Machine), "load": {"others", "steal", "machine_repeats", "clocks", "throttle", "warning"},
/// "rows": row_of with "floor", "bound", "rate", "share", "spread", "over"}; throws Error if no row is selected.
nlohmann::json run_suite(SuiteRun run, const BenchOptions& options);

/// Adds to a row what bounds it: "bound": "copy", "update", "read", "write" or "product", whichever takes longest by
/// the machine's rates; "rate" of that; "floor", its seconds; "share": floor over the row's median, of the cold run
/// where bytes are the bound, null where that would mean nothing (on `sim`, and for bytes that fit the caches and were
/// not timed cold); "spread" of the row and of the rate, the larger; "over": whether the share is above 1 by more than
/// that.
void add_bound(nlohmann::json& row, const Subject& subject, const Machine& machine, bool simulated);

/// What is wrong with a row, for people: "" if nothing is. Rows that fail make the exit code 1.
std::string row_failure(const nlohmann::json& row);

/// The result as a table for people, with what failed and what the machine suffered. It has no rates on `sim`, whose
/// time is not a device's.
std::string bench_table(const nlohmann::json& result);
/// A line a row, and a line of names first.
std::string bench_csv(const nlohmann::json& result);

}  // namespace kantor
