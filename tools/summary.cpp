#include "tools/summary.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {
namespace {

using nlohmann::json;

constexpr size_t most_lines = 24;  // of single runs; more are in runs.csv

/// A number of a metric, "-" where it was not measured.
std::string cell(const json& values, const char* key, const char* format = "{:.3f}") {
  if (!values.contains(key) || !values[key].is_number()) return "-";
  return fmt::format(fmt::runtime(format), values[key].get<double>());
}

std::string median(const Cell& cell, const char* key, const char* format = "{:.3f}") {
  const auto found = cell.metrics.find(key);
  return found == cell.metrics.end() ? "-" : fmt::format(fmt::runtime(format), found->second.median);
}

/// "0.123 [0.101, 0.145]": the mean and its interval.
std::string mean(const Cell& cell, const char* key) {
  const auto found = cell.metrics.find(key);
  if (found == cell.metrics.end()) return "-";
  const Spread& spread = found->second;
  if (!std::isfinite(spread.low)) return fmt::format("{:.3f}", spread.mean);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", spread.mean, spread.low, spread.high);
}

/// Values of the table's keys, in columns as wide as the widest.
class KeyColumns {
 public:
  explicit KeyColumns(const RunTable& table) : keys_(table.keys) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      size_t width = keys_[i].size();
      for (const RunRow& row : table.rows) width = std::max(width, row.values[i].size());
      widths_.push_back(width);
    }
  }
  [[nodiscard]] std::string header() const { return line(keys_); }
  [[nodiscard]] std::string line(const std::vector<std::string>& values) const {
    std::string text;
    for (size_t i = 0; i < values.size(); ++i) text += fmt::format("{:>{}} ", values[i], widths_[i]);
    return text;
  }

 private:
  std::vector<std::string> keys_;
  std::vector<size_t> widths_;
};

void print_runs(const RunTable& table, const KeyColumns& keys) {
  constexpr const char* row = "{:<14} {:<11} {}{:>4} {:>8} {:>8} {:>7} {:>8} {:>9} {:>8} {:>10} {:>8}\n";
  fmt::print(row, "run", "constraint", keys.header(), "seed", "W1", "floor", "modes", "quality", "estimate", "|grad|",
             "saturated", "ms/step");
  for (const RunRow& run : table.rows) {
    const json& v = run.last;
    const std::string modes =
        v.contains("modes") ? fmt::format("{}/{}", v["modes"].dump(), v["mode_count"].dump()) : "-";
    fmt::print(row, run.config.name, run.config.constraint.kind, keys.line(run.values), run.config.seed, cell(v, "w1"),
               cell(v, "w1_floor"), modes, cell(v, "high_quality"), cell(v, "critic_estimate"),
               cell(v, "gradient_norm_mean"), cell(v, "saturation"), cell(v, "step_milliseconds", "{:.2f}"));
    if (run.state == RunRow::State::diverged) fmt::print("  {} diverged: {}\n", run.config.constraint.kind, run.reason);
  }
}

void print_cells(const RunTable& table, const std::vector<Cell>& cells, const KeyColumns& keys) {
  constexpr const char* row = "{:<14} {:<11} {}{:>7} {:>8} {:<24} {:>8} {:>6} {:>8} {:>8} {:>10} {:>8}\n";
  fmt::print("\nover the seeds: medians, and the mean of W1 with its 95 % interval\n");
  fmt::print(row, "run", "constraint", keys.header(), "seeds", "W1", "mean W1", "floor", "modes", "quality", "|grad|",
             "saturated", "ms/step");
  for (const Cell& cell : cells) {
    const RunConfig& config = table.rows[cell.rows.front()].config;
    const std::string seeds = cell.finished == cell.rows.size() ? std::to_string(cell.finished)
                                                                : fmt::format("{}/{}", cell.finished, cell.rows.size());
    fmt::print(row, config.name, config.constraint.kind, keys.line(cell.values), seeds, median(cell, "w1"),
               mean(cell, "w1"), median(cell, "w1_floor"), median(cell, "modes", "{:g}"), median(cell, "high_quality"),
               median(cell, "gradient_norm_mean"), median(cell, "saturation"),
               median(cell, "step_milliseconds", "{:.2f}"));
  }
}

}  // namespace

void print_summary(const RunTable& table, const std::vector<Cell>& cells) {
  const KeyColumns keys(table);
  const bool few = table.rows.size() <= most_lines;
  if (few) print_runs(table, keys);
  const bool gathered = std::any_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.rows.size() > 1; });
  if (gathered || !few) print_cells(table, cells, keys);
  const size_t diverged = table.count(RunRow::State::diverged);
  if (!few && diverged > 0) fmt::print("{} runs diverged: runs.csv names them\n", diverged);
}

}  // namespace kantor
