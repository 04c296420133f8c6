#include "models/ensemble/table.h"

#include "models/metrics/interval.h"
#include "models/training/config_fields.h"
#include "models/training/metrics_log.h"
#include "models/training/run_folder.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tuple>
#include <variant>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string plain(const ConfigValue& value) {
  return std::visit([](const auto& x) { return fmt::format("{}", x); }, value);
}

const char* name_of(RunRow::State state) {
  switch (state) {
    case RunRow::State::finished:
      return "finished";
    case RunRow::State::diverged:
      return "diverged";
    case RunRow::State::missing:
      return "missing";
  }
  return "missing";
}

RunRow read_row(const fs::path& folder) {
  RunRow row;
  row.folder = folder;
  row.config = load_run_config(folder);
  row.last = last_metrics(folder);
  row.step = row.last.value("step", int64_t{0});
  if (row.last.contains("diverged") && row.last["diverged"].is_string()) {
    row.reason = row.last["diverged"].get<std::string>();
    row.state = RunRow::State::diverged;
  } else if (!row.last.empty() && row.step >= row.config.steps) {
    row.state = RunRow::State::finished;
  }
  return row;
}

/// Whether runs are told apart by this key. Seeds are gathered; a run's name and constraint have columns of their own.
bool may_differ(const std::string& key) {
  return key != "train.seed" && key != "name" && key != "critic.constraint";
}

/// Keys whose values differ among runs of one name and constraint: not what a constraint's preset brings along.
std::vector<std::string> differing_keys(const std::vector<RunRow>& rows) {
  std::map<std::pair<std::string, std::string>, const RunRow*> first;
  std::vector<bool> differs(config_fields().size(), false);
  for (const RunRow& row : rows) {
    const RunRow*& other = first[{row.config.name, row.config.constraint.kind}];
    if (other == nullptr) other = &row;
    if (other == &row) continue;
    for (size_t i = 0; i < differs.size(); ++i) {
      const ConfigField& field = config_fields()[i];
      if (!differs[i] && may_differ(field.key)) differs[i] = field.get(row.config) != field.get(other->config);
    }
  }
  std::vector<std::string> keys;
  for (size_t i = 0; i < differs.size(); ++i) {
    if (differs[i]) keys.push_back(config_fields()[i].key);
  }
  return keys;
}

double median(std::vector<double> sorted) {
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

size_t typical_row(const RunTable& table, const Cell& cell) {
  std::vector<std::pair<double, size_t>> by_w1;
  for (const size_t row : cell.rows) {
    const RunRow& run = table.rows[row];
    if (run.state != RunRow::State::finished) continue;
    const bool measured = run.last.contains("w1") && run.last["w1"].is_number();
    by_w1.emplace_back(measured ? run.last["w1"].get<double>() : 0.0, row);
  }
  if (by_w1.empty()) return cell.rows.front();
  std::stable_sort(by_w1.begin(), by_w1.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const bool any = std::any_of(by_w1.begin(), by_w1.end(), [](const auto& run) { return run.first != 0; });
  return by_w1[any ? (by_w1.size() - 1) / 2 : 0].second;
}

void gather(const RunTable& table, Cell& cell) {
  std::map<std::string, std::vector<double>> values;
  for (const size_t index : cell.rows) {
    const RunRow& row = table.rows[index];
    cell.finished += row.state == RunRow::State::finished ? 1 : 0;
    cell.diverged += row.state == RunRow::State::diverged ? 1 : 0;
    cell.missing += row.state == RunRow::State::missing ? 1 : 0;
    if (row.state != RunRow::State::finished) continue;
    for (const std::string& key : table_metrics()) {
      if (row.last.contains(key) && row.last[key].is_number()) values[key].push_back(row.last[key].get<double>());
    }
  }
  for (auto& [key, list] : values) cell.metrics[key] = spread_of(std::move(list));
  cell.typical = typical_row(table, cell);
}

/// A number for JSON, null for an infinite one.
json finite(double value) {
  return std::isfinite(value) ? json(value) : json();
}

/// The values of the table's keys as the configuration has them: numbers as numbers.
json typed_values(const RunTable& table, const RunRow& row) {
  json values = json::object();
  for (const std::string& key : table.keys) {
    std::visit([&](const auto& x) { values[key] = x; }, find_field(key).get(row.config));
  }
  return values;
}

json row_json(const RunTable& table, const RunRow& row) {
  json line{{"run", row.folder.filename().string()},
            {"name", row.config.name},
            {"constraint", row.config.constraint.kind},
            {"seed", row.config.seed},
            {"values", typed_values(table, row)},
            {"state", name_of(row.state)},
            {"step", row.step},
            {"steps", row.config.steps}};
  if (!row.reason.empty()) line["diverged"] = row.reason;
  for (const std::string& key : table_metrics()) {
    if (row.last.contains(key)) line[key] = row.last[key];
  }
  return line;
}

json cell_json(const RunTable& table, const Cell& cell) {
  const RunRow& first = table.rows[cell.rows.front()];
  json seeds = json::array(), metrics = json::object();
  for (const size_t row : cell.rows) seeds.push_back(table.rows[row].config.seed);
  for (const auto& [key, spread] : cell.metrics) {
    metrics[key] = {{"count", spread.count},     {"median", spread.median},     {"mean", spread.mean},
                    {"low", finite(spread.low)}, {"high", finite(spread.high)}, {"min", spread.min},
                    {"max", spread.max}};
  }
  return {{"name", first.config.name},
          {"constraint", first.config.constraint.kind},
          {"values", typed_values(table, first)},
          {"seeds", seeds},
          {"finished", cell.finished},
          {"diverged", cell.diverged},
          {"missing", cell.missing},
          {"typical", table.rows[cell.typical].folder.filename().string()},
          {"metrics", metrics}};
}

/// A field of CSV: in quotes where it has to be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

size_t RunTable::count(RunRow::State state) const {
  return static_cast<size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const RunRow& row) { return row.state == state; }));
}

RunTable read_table(const std::vector<fs::path>& folders) {
  RunTable table;
  table.rows.reserve(folders.size());
  for (const fs::path& folder : folders) table.rows.push_back(read_row(folder));
  table.keys = differing_keys(table.rows);
  for (RunRow& row : table.rows) {
    for (const std::string& key : table.keys) row.values.push_back(plain(find_field(key).get(row.config)));
  }
  return table;
}

const std::vector<std::string>& table_metrics() {
  static const std::vector<std::string> metrics{"w1",
                                                "w1_floor",
                                                "modes",
                                                "mode_count",
                                                "high_quality",
                                                "reverse_kl",
                                                "critic_estimate",
                                                "critic_estimate_normalized",
                                                "gradient_norm_mean",
                                                "saturation",
                                                "step_milliseconds",
                                                "seconds"};
  return metrics;
}

Spread spread_of(std::vector<double> values) {
  const Interval interval = confidence_interval(values);
  std::sort(values.begin(), values.end());
  return {interval.count, median(values), interval.mean, interval.low, interval.high, values.front(), values.back()};
}

std::vector<Cell> cells_of(const RunTable& table) {
  std::vector<Cell> cells;
  std::map<std::tuple<std::string, std::string, std::vector<std::string>>, size_t> known;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const RunRow& row = table.rows[i];
    const auto [at, added] = known.try_emplace({row.config.name, row.config.constraint.kind, row.values}, cells.size());
    if (added) {
      cells.emplace_back();
      cells.back().values = row.values;
    }
    cells[at->second].rows.push_back(i);
  }
  for (Cell& cell : cells) gather(table, cell);
  return cells;
}

json to_json(const RunTable& table, const std::vector<Cell>& cells) {
  json runs = json::array(), gathered = json::array();
  for (const RunRow& row : table.rows) runs.push_back(row_json(table, row));
  for (const Cell& cell : cells) gathered.push_back(cell_json(table, cell));
  return {{"keys", table.keys}, {"runs", runs}, {"cells", gathered}};
}

std::string to_csv(const RunTable& table) {
  std::vector<std::string> columns{"run", "name", "constraint", "seed"};
  for (const std::string& key : table.keys) columns.push_back(csv_field(key));
  for (const char* column : {"state", "step", "steps"}) columns.emplace_back(column);
  columns.insert(columns.end(), table_metrics().begin(), table_metrics().end());
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));
  for (const RunRow& row : table.rows) {
    text += fmt::format("{},{},{},{}", csv_field(row.folder.filename().string()), csv_field(row.config.name),
                        csv_field(row.config.constraint.kind), row.config.seed);
    for (const std::string& value : row.values) text += "," + csv_field(value);
    text += fmt::format(",{},{},{}", name_of(row.state), row.step, row.config.steps);
    for (const std::string& key : table_metrics()) {
      text += "," + (row.last.contains(key) ? row.last[key].dump() : std::string());
    }
    text += '\n';
  }
  return text;
}

}  // namespace kantor
