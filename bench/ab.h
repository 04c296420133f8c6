// Two programs beside each other: short rounds in turn, so that whatever else the machine does meets both.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

struct AbOptions {
  std::string a, b;                // the programs
  std::string suite;               // what they serve
  std::vector<std::string> words;  // further arguments of both: "--device", "cpu"
  std::string filter = "";         // only rows whose key contains this
  double seconds = 2;      // of measurement for a row, over all starts and both programs; at least a block a start
  int starts = 18;         // of both programs: each gives one ratio
  double round = 0.0005;   // seconds of one program's turn; at least one replay
  double least = 0.025;    // a smaller difference does not matter, as a fraction
  double level = 0.99;     // of the intervals
  uint64_t seed = 1;       // of every order
  double timeout = 60;     // seconds for an answer, beside those that a round takes
  bool different = false;  // also programs of other builds
  std::function<void(int start, int starts, const std::string& row)> on_row = {};
};

/// Starts both programs options.starts times as `PROGRAM bench serve SUITE`, and times every row that both have. In one
/// start a row's rounds come in blocks of four, A B B A or B A A B by the seed; a block gives the ratio of the faster
/// round of B to that of A, and a start the median over its blocks, whose number is fixed before the first one is
/// timed. The interval is that of ratio_of_ratios over the starts. If they use one thread, both stay on one processor,
/// another one in each start. Returns {"schema": "kantor-bench-ab", "version", "programs", "contexts": [of a, of b],
/// "seed", "starts", "least", "level", "load", "differences", "warnings", "rows": [{"name", "size", "dtype",
/// "constraint", "a", "b": median seconds, "ratio", "low", "high", "verdict", "replays" of a round, "blocks" of a
/// start, "ratios": one of each start}], "only_a", "only_b", and counts of verdicts}, which comparison_table prints.
/// Throws Error if a program cannot be started, ends, does not answer in time, or answers wrongly; if the programs
/// differ in what `differences` looks at and options.different is false; and if they share no row.
nlohmann::json bench_ab(const AbOptions& options);

}  // namespace kantor
