#include "bench/run_suite.h"

#include <algorithm>
#include <fmt/format.h>

namespace kantor {
namespace {

using nlohmann::json;

std::string microseconds(const json& value) {
  const double us = 1e6 * value.get<double>();
  return us < 1e5 ? fmt::format("{:.1f} us", us) : fmt::format("{:.1f} ms", us / 1e3);
}

std::string threads_text(int count) {
  return fmt::format("{} thread{}", count, count == 1 ? "" : "s");
}

/// The row's name with what tells it apart from its neighbours.
std::string title(const json& row) {
  std::string text = row["name"];
  for (const char* key : {"constraint", "by"}) {
    if (row.contains(key)) text += ", " + row[key].get<std::string>();
  }
  if (row.contains("threads")) text += ", " + threads_text(row["threads"]);
  return text;
}

std::string number(const json& value, double unit, const char* format) {
  return value.is_null() || value.get<double>() == 0 ? "-"
                                                     : fmt::format(fmt::runtime(format), value.get<double>() / unit);
}

std::string error_text(const json& row) {
  if (row["error"].is_null()) return "FAILED";
  return fmt::format("{:.0e}{}", row["error"].get<double>(), row["passed"].get<bool>() ? "" : " FAILED");
}

/// What the suite computed of rows together.
std::string remark(const json& row) {
  if (row.contains("price")) return fmt::format("{:+.0f} %", 100 * row["price"].get<double>());
  if (row.contains("speedup")) return fmt::format("x {:.2f}", row["speedup"].get<double>());
  return "";
}

std::string remark_title(const json& rows) {
  for (const json& row : rows) {
    if (row.contains("price")) return "price";
    if (row.contains("speedup")) return "against 1 thread";
  }
  return "";
}

std::string head(const json& result) {
  const std::string hardware = result["hardware"];
  std::string text = fmt::format(
      "{}, device {}, {}, {}\n", result["suite"].get<std::string>(), result["device"].get<std::string>(),
      hardware.empty() ? threads_text(result["threads"]) + ", " + result["build"]["products"].get<std::string>()
                       : hardware,
      result["arithmetic"].get<std::string>());
  if (result["simulated"].get<bool>()) {
    return text + "simulated: times say nothing about a GPU, so no rates are given\n";
  }
  const json& machine = result["machine"];
  text += fmt::format(
      "this machine, in this run: copy {:.1f} GB/s, update {:.1f}, read {:.1f}, write {:.1f}; product "
      "{:.1f} GFLOP/s ({}){}\n",
      machine["copy_bytes_per_second"].get<double>() / 1e9, machine["update_bytes_per_second"].get<double>() / 1e9,
      machine["read_bytes_per_second"].get<double>() / 1e9, machine["write_bytes_per_second"].get<double>() / 1e9,
      machine["product_flops_per_second"].get<double>() / 1e9, machine["product_by"].get<std::string>(),
      machine["peak_flops_per_second"].get<double>() > 0
          ? fmt::format(", of {:.1f} in registers", machine["peak_flops_per_second"].get<double>() / 1e9)
          : "");
  const std::string warning = result["load"]["warning"];
  return warning.empty() ? text : text + "warning: " + warning + "\n";
}

}  // namespace

std::string bench_table(const json& result) {
  const bool simulated = result["simulated"];
  std::string text = head(result), failures;
  size_t first = 4, second = 4;
  for (const json& row : result["rows"]) {
    first = std::max(first, title(row).size());
    second = std::max(second, row["size"].get<std::string>().size());
  }
  text += fmt::format("{:<{}} {:<{}} {:>11} {:>23} {:>11} {:>9} {:>9} {:>8} {:>11} {:>8} {:>6} {:>7} {:>6}  {}\n",
                      "what", first, "size", second, "median", "p10 .. p90", "cold", "MB", "MFLOP", "launches", "floor",
                      "bound", "share", "spread", "error", remark_title(result["rows"]));
  for (const json& row : result["rows"]) {
    text += fmt::format("{:<{}} {:<{}} {:>11} {:>23} {:>11} {:>9} {:>9} {:>8} {:>11} {:>8} {:>6} {:>7} {:>6}  {}\n",
                        title(row), first, row["size"].get<std::string>(), second, microseconds(row["seconds"]),
                        microseconds(row["p10"]) + " .. " + microseconds(row["p90"]),
                        row["cold"].is_null() ? "-" : microseconds(row["cold"]["seconds"]),
                        number(row["bytes"], 1e6, "{:.2f}"), number(row["flops"], 1e6, "{:.1f}"),
                        row["launches"].get<int64_t>(), simulated ? "-" : microseconds(row["floor"]),
                        row["bound"].get<std::string>(),
                        row["share"].is_null() ? "-" : fmt::format("{:.0f} %", 100 * row["share"].get<double>()),
                        simulated ? "-" : fmt::format("{:.2f}", row["spread"].get<double>()), error_text(row),
                        simulated ? "" : remark(row));
    if (const std::string failure = row_failure(row); !failure.empty()) {
      failures += fmt::format("FAILED: {}, {}: {}\n", title(row), row["size"].get<std::string>(), failure);
    }
  }
  return text +
         "cold: the caches overwritten before each run\n"
         "floor: counted bytes or FLOPs at this machine's rate for the bound; share: floor over the median, of the "
         "cold "
         "run\nwhere bytes are the bound; spread: the slow repetitions of row or rate over the best\n"
         "error: against float64 in this run, divided by the sum of the terms' absolute values (steps: by the largest "
         "gradient)\n" +
         (remark_title(result["rows"]) == "price"
              ? "price: of a critic step, against the same step without a constraint\n"
              : "") +
         failures;
}

std::string bench_csv(const json& result) {
  static constexpr const char* columns[]{"name",  "size",   "dtype", "bytes",       "flops", "launches", "seconds",
                                         "p10",   "p90",    "best",  "repetitions", "cold",  "floor",    "bound",
                                         "share", "spread", "error", "allowed",     "passed"};
  std::string text;
  for (const char* column : columns) text += (text.empty() ? "" : ",") + std::string(column);
  for (const json& row : result["rows"]) {
    text += "\n";
    bool first = true;
    for (const char* column : columns) {
      json value = row[column];
      if (std::string(column) == "name") value = title(row);
      if (value.is_object()) value = value["seconds"];
      text += (first ? "" : ",") + (value.is_string() ? "\"" + value.get<std::string>() + "\""
                                    : value.is_null() ? ""
                                                      : value.dump());
      first = false;
    }
  }
  return text + "\n";
}

}  // namespace kantor
