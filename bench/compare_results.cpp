#include "bench/compare_results.h"

#include "bench/intervals.h"
#include "bench/result_file.h"
#include "models/training/config.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace kantor {
namespace {

using nlohmann::json;

void check_comparable(const json& a, const json& b, const CompareOptions& options,
                      const std::vector<std::string>& found) {
  if (a["simulated"] == true || b["simulated"] == true) {
    throw ConfigError(
        "times of the simulator say nothing about a device: compare files that were measured on cpu or cuda");
  }
  if (a["suite"] != b["suite"]) {
    throw ConfigError(
        fmt::format("the files are of different suites: {} and {}", a["suite"].dump(), b["suite"].dump()));
  }
  if (!found.empty() && !options.different) {
    throw ConfigError(fmt::format(
        "the files were measured under different circumstances ({}): measure both under the same, or compare them all "
        "the same with --different",
        fmt::join(found, "; ")));
  }
}

std::map<std::string, const json*> by_key(const json& file, const std::string& filter) {
  std::map<std::string, const json*> rows;
  for (const json& row : file["rows"]) {
    const std::string key = row_key(row);
    if (key.find(filter) != std::string::npos) rows.emplace(key, &row);
  }
  return rows;
}

json judge(const json& a, const json& b, const CompareOptions& options) {
  json row;
  for (const char* key : {"name", "size", "dtype", "constraint", "by", "threads"}) {
    if (a.contains(key)) row[key] = a[key];
  }
  const json &of_a = options.cold ? a["cold"] : a, &of_b = options.cold ? b["cold"] : b;
  row.update({{"a", of_a["seconds"]}, {"b", of_b["seconds"]}, {"counts", json::object()}});
  for (const char* key : {"launches", "bytes", "flops"}) {
    if (a[key] != b[key]) row["counts"][key] = {a[key], b[key]};
  }
  const std::vector<double> x = samples_of(of_a), y = samples_of(of_b);
  row["repetitions"] = {x.size(), y.size()};
  const std::optional<Ratio> ratio = ratio_of_samples(x, y, options.level);
  if (!ratio) {
    row.update({{"ratio", json()}, {"low", json()}, {"high", json()}, {"verdict", "unclear"}});
    row["why"] = fmt::format("{} and {} repetitions are too few for an interval of {:.3g} %", x.size(), y.size(),
                             100 * options.level);
    return row;
  }
  row.update({{"ratio", ratio->value}, {"low", ratio->low}, {"high", ratio->high}});
  row["verdict"] = to_string(change_of(*ratio, options.least));
  for (const auto& [name, measured] : {std::pair{"first", &a}, {"second", &b}}) {
    if (measured->value("passed", json(true)) != false) continue;
    row["verdict"] = "unclear";  // the time of a wrong result says nothing
    row["why"] = fmt::format("the result that the {} file's row was timed with is wrong", name);
  }
  return row;
}

/// What the files say of the machine while they were measured.
json warnings_of(const json& a, const json& b) {
  json warnings = json::array();
  for (const auto& [name, file] : {std::pair{"the first file", &a}, {"the second file", &b}}) {
    const json warning = (*file)["load"].value("warning", json());
    if (warning.is_string() && warning != "") {
      warnings.push_back(fmt::format("{}: {}", name, warning.get<std::string>()));
    }
  }
  return warnings;
}

/// "+5.1 %"; a ratio as people say it.
std::string percent(double ratio) {
  return fmt::format("{:+.1f} %", 100 * (ratio - 1));
}

std::string seconds_text(const json& value) {
  return fmt::format("{:.2f} us", 1e6 * value.get<double>());
}

std::string notes_of(const json& row) {
  std::string text = row.value("why", "");
  const json counts = row.value("counts", json::object());
  for (const auto& [name, pair] : counts.items()) {
    text += fmt::format("{}{}: {} and {}", text.empty() ? "" : "; ", name, pair[0].dump(), pair[1].dump());
  }
  return text;
}

}  // namespace

json compare_results(const json& a, const json& b, const CompareOptions& options) {
  const std::vector<std::string> found = differences(a, b);
  check_comparable(a, b, options, found);
  json result{{"schema", "kantor-bench-compare"}, {"version", 1},          {"least", options.least},
              {"level", options.level},           {"cold", options.cold},  {"differences", found},
              {"warnings", warnings_of(a, b)},    {"rows", json::array()}, {"only_a", json::array()},
              {"only_b", json::array()}};
  for (const char* verdict : {"same", "faster", "slower", "unclear"}) result[verdict] = 0;
  const auto in_a = by_key(a, options.filter), in_b = by_key(b, options.filter);
  for (const json& row : a["rows"]) {  // in the order of the file
    const std::string key = row_key(row);
    if (!in_a.contains(key)) continue;
    const auto other = in_b.find(key);
    if (other == in_b.end()) {
      result["only_a"].push_back(key);
    } else if (!options.cold || (row["cold"].is_object() && (*other->second)["cold"].is_object())) {
      result["rows"].push_back(judge(row, *other->second, options));
      const std::string verdict = result["rows"].back()["verdict"];
      result[verdict] = result[verdict].get<int>() + 1;
    }
  }
  for (const auto& [key, row] : in_b) {
    if (!in_a.contains(key)) result["only_b"].push_back(key);
  }
  if (result["rows"].empty()) {
    throw ConfigError(fmt::format("the files share no row{}{}, of {} and {}",
                                  options.filter.empty() ? "" : " that contains '" + options.filter + "'",
                                  options.cold ? " with cold times" : "", in_a.size(), in_b.size()));
  }
  return result;
}

std::string comparison_table(const json& comparison) {
  size_t width = 4;
  for (const json& row : comparison["rows"]) width = std::max(width, row_key(row).size());
  std::string text = fmt::format("{:<{}} {:>14} {:>14} {:>9} {:>20}  {}\n", "row", width, "a", "b", "b to a",
                                 fmt::format("{:.3g} % interval", 100 * comparison["level"].get<double>()), "verdict");
  for (const json& row : comparison["rows"]) {
    const bool known = row["ratio"].is_number();
    const std::string interval =
        known ? fmt::format("{} .. {}", percent(row["low"]), percent(row["high"])) : std::string("-");
    const std::string notes = notes_of(row);
    text += fmt::format("{:<{}} {:>14} {:>14} {:>9} {:>20}  {}{}\n", row_key(row), width, seconds_text(row["a"]),
                        seconds_text(row["b"]), known ? percent(row["ratio"]) : "-", interval,
                        row["verdict"].get<std::string>(), notes.empty() ? "" : " (" + notes + ")");
  }
  for (const auto& [name, key] : {std::pair{"only in a", "only_a"}, {"only in b", "only_b"}}) {
    for (const json& row : comparison[key]) text += fmt::format("{}: {}\n", name, row.get<std::string>());
  }
  text += fmt::format("{} the same within {:.3g} %, {} faster, {} slower, {} unclear\n", comparison["same"].get<int>(),
                      100 * comparison["least"].get<double>(), comparison["faster"].get<int>(),
                      comparison["slower"].get<int>(), comparison["unclear"].get<int>());
  for (const json& difference : comparison["differences"]) {
    text += fmt::format("different: {}\n", difference.get<std::string>());
  }
  for (const json& warning : comparison["warnings"]) text += fmt::format("warning: {}\n", warning.get<std::string>());
  return text;
}

}  // namespace kantor
