#include "tools/bench_page.h"

#include "engine/build_info.h"
#include "models/files/atomic_file.h"
#include "tools/page.h"

#ifdef KANTOR_HAS_BENCH
#include "bench/result_file.h"
#endif

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kantor {

#ifdef KANTOR_HAS_BENCH
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw FileError(
      fmt::format("{}: {}; expected a file of kantor bench SUITE --json, of kantor bench ladder FAMILY --json, or of "
                  "bench/peers/compare.py or kernels.py --out",
                  path.string(), why));
}

/// A member, or null.
json member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? json() : *found;
}

/// Whether there is such a list, and each of its rows has these keys with values of these types.
bool lists(const json& file, const char* name, const std::vector<std::pair<const char*, json::value_t>>& keys) {
  const json rows = member(file, name);
  if (!rows.is_array()) return false;
  for (const json& row : rows) {
    for (const auto& [key, type] : keys) {
      if (!row.is_object() || member(row, key).type() != type) return false;
    }
  }
  return true;
}

/// Of bench/peers/compare.py, whose rows are steps of models, or of bench/peers/kernels.py.
bool is_peers(const json& file) {
  const std::pair<const char*, json::value_t> refused{"refused", json::value_t::object},
      runs{"runs", json::value_t::array};
  return member(file, "kantor").is_object() && member(file, "peers").is_object() &&
         (lists(file, "rows", {{"model", json::value_t::string}, {"step", json::value_t::string}, refused, runs}) ||
          lists(file, "rows", {{"kernel", json::value_t::object}, refused, runs}));
}

/// Of `kantor bench ladder --json`, or the counted figures of bench/results/ladder.
bool is_ladder(const json& file) {
  const std::pair<const char*, json::value_t> version{"version", json::value_t::number_unsigned},
      text{"text", json::value_t::string};
  return member(file, "family").is_string() &&
         (lists(file, "rows", {version, text}) || lists(file, "rungs", {version, text}));
}

json part_of(const fs::path& path) {
  json file = json::parse(read_text(path), nullptr, false);
  std::string kind = "suite";
  if (!file.is_object()) refuse(path, "no JSON object, or only a part of one");
  if (member(file, "schema") == result_schema && !file.contains("family")) {
    file = read_result_file(path);
  } else if (is_peers(file)) {
    kind = "peers";
  } else if (is_ladder(file)) {
    kind = "ladder";
  } else {
    refuse(path, "JSON of another kind");
  }
  return {{"kind", kind}, {"source", path.filename().string()}, {"content", std::move(file)}};
}

}  // namespace

void write_bench_page(const std::vector<fs::path>& files, const fs::path& out) {
  json parts = json::array();
  for (const fs::path& file : files) parts.push_back(part_of(file));
  std::string page(embedded::bench_html);
  replace_mark(page, "/*css*/", embedded::report_css);
  replace_mark(page, "/*bench.css*/", embedded::bench_css);
  replace_mark(page, "/*version*/", build_info().version);
  replace_mark(page, "/*chart.js*/", embedded::chart_js);
  replace_mark(page, "/*figures.js*/", embedded::figures_js);
  replace_mark(page, "/*bench.js*/", embedded::bench_js);
  replace_mark(page, "/*data*/", script_safe({{"parts", parts}}));  // last: no mark is searched for in users' text
  write_file_atomically(out, std::string_view(page));
}

#else

void write_bench_page(const std::vector<std::filesystem::path>& /*unused*/, const std::filesystem::path& /*unused*/) {
  throw Error("this build holds no benchmarks: install libbenchmark-dev (tools/setup test does) and build again");
}

#endif

}  // namespace kantor
