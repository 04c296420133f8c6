// The table of an ensemble: a row per run, a cell per configuration, which gathers its seeds.
#pragma once

#include "models/training/config.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

/// The end of one run.
struct RunRow {
  enum class State : uint8_t { finished, diverged, missing };  // missing: not started, or not at its last step

  std::filesystem::path folder;
  RunConfig config;
  std::vector<std::string> values;  // of the table's keys
  State state = State::missing;
  int64_t step = 0;                                // of the last line
  std::string reason;                              // of a divergence
  nlohmann::json last = nlohmann::json::object();  // the last value of each key of metrics.jsonl
};

struct RunTable {
  std::vector<std::string> keys;  // of the configuration, whose values differ among runs of one name and constraint
  std::vector<RunRow> rows;

  [[nodiscard]] size_t count(RunRow::State state) const;
};

/// Reads the run folders, in their order. Throws FileError, ConfigError.
RunTable read_table(const std::vector<std::filesystem::path>& folders);

/// The numbers that rows and cells show, in their order: keys of metrics.jsonl.
const std::vector<std::string>& table_metrics();

/// One number over the seeds of a cell. low and high are the ends of the 95 % interval of the mean (interval.h),
/// infinite for one seed.
struct Spread {
  int64_t count = 0;
  double median = 0, mean = 0, low = 0, high = 0, min = 0, max = 0;
};
/// Throws ShapeError for an empty list.
Spread spread_of(std::vector<double> values);

/// The runs that differ in their seeds alone. Numbers are those of the finished ones.
struct Cell {
  std::vector<size_t> rows;         // of the table
  std::vector<std::string> values;  // of the table's keys
  size_t finished = 0, diverged = 0, missing = 0;
  std::map<std::string, Spread> metrics;
  size_t typical = 0;  // the row whose W1 is the median, or the lower of the two; without W1 the first finished one
};
/// In the order of their first rows.
std::vector<Cell> cells_of(const RunTable& table);

/// {"keys", "runs": [...], "cells": [...]}: what docs/run-folder.md says of runs.json.
nlohmann::json to_json(const RunTable& table, const std::vector<Cell>& cells);
/// A line per run, with a header.
std::string to_csv(const RunTable& table);

}  // namespace kantor
