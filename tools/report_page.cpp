#include "tools/report_page.h"

#include "models/files/atomic_file.h"
#include "models/training/config_toml.h"
#include "models/training/metrics_log.h"
#include "models/training/run_folder.h"
#include "tools/page.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t runs_shown = 12;    // with figures of their own
constexpr size_t pictures_kept = 9;  // of a run, evenly over its steps: a page stays small enough to mail

/// {step, source} of the pictures that the lines name.
json read_pictures(const fs::path& folder, const json& lines) {
  std::vector<std::pair<int64_t, fs::path>> found;
  for (const json& line : lines) {
    const fs::path name = fs::path(line.value("sample", "")).filename();  // never outside the folder
    if (!name.empty() && fs::exists(folder / "samples" / name)) {
      found.emplace_back(line.value("step", int64_t{0}), folder / "samples" / name);
    }
  }
  json pictures = json::array();
  const size_t count = std::min(found.size(), pictures_kept);
  for (size_t i = 0; i < count; ++i) {
    const auto& [step, path] = found[count == 1 ? found.size() - 1 : i * (found.size() - 1) / (count - 1)];
    pictures.push_back({{"step", step}, {"source", picture_source(path)}});
  }
  return pictures;
}

/// What figures call a run: its constraint, and its loss where it is not the usual one.
std::string title_of(const RunConfig& config) {
  std::string title = config.constraint.kind;
  for (const ConstraintKind& kind : constraint_table()) {
    if (kind.name == config.constraint.kind) title = kind.title;
  }
  return config.loss == RunConfig().loss ? title : title + ", " + config.loss;
}

json read_run(const RunTable& table, const RunRow& row) {
  const fs::path& folder = row.folder;
  const RunConfig& config = row.config;
  json values = json::object();
  for (size_t i = 0; i < table.keys.size(); ++i) values[table.keys[i]] = row.values[i];
  const json lines = read_metrics(folder);
  json env = json::object();
  if (fs::exists(folder / "env.json")) {
    env = json::parse(read_text(folder / "env.json"), nullptr, false);
    if (!env.is_object()) env = json::object();
  }
  return {{"name", config.name},
          {"constraint", config.constraint.kind},
          {"title", title_of(config)},
          {"seed", config.seed},
          {"values", values},
          {"steps", config.steps},
          {"clip", has_constraint(config.constraint.kind, "clip") ? json(config.constraint.clip) : json()},
          {"config", to_toml(config)},
          {"env", env},
          {"lines", lines},
          {"pictures", read_pictures(folder, lines)}};
}

/// The rows with figures of their own: all of a few; else the typical one of each cell, those that have finished first.
std::vector<size_t> shown_rows(const RunTable& table, const std::vector<Cell>& cells) {
  std::vector<size_t> shown;
  if (table.rows.size() <= runs_shown) {
    for (size_t i = 0; i < table.rows.size(); ++i) shown.push_back(i);
    return shown;
  }
  for (const bool finished : {true, false}) {
    for (const Cell& cell : cells) {
      if ((cell.finished > 0) == finished && shown.size() < runs_shown) shown.push_back(cell.typical);
    }
  }
  std::sort(shown.begin(), shown.end());
  return shown;
}

}  // namespace

void write_report(const std::vector<fs::path>& run_folders, const fs::path& out) {
  const RunTable table = read_table(run_folders);
  write_report(table, cells_of(table), out);
}

void write_report(const RunTable& table, const std::vector<Cell>& cells, const fs::path& out) {
  json runs = json::array(), all = to_json(table, cells);
  for (const size_t row : shown_rows(table, cells)) runs.push_back(read_run(table, table.rows[row]));
  for (size_t i = 0; i < cells.size(); ++i) {
    all["cells"][i]["title"] = title_of(table.rows[cells[i].rows.front()].config);
  }
  std::string page(embedded::report_html);
  replace_mark(page, "/*css*/", embedded::report_css);
  replace_mark(page, "/*chart.js*/", embedded::chart_js);
  replace_mark(page, "/*figures.js*/", embedded::figures_js);
  replace_mark(page, "/*report.js*/", embedded::report_js);
  replace_mark(page, "/*data*/",
               script_safe({{"runs", runs}, {"table", all}}));  // last: no mark is searched for in users' text
  write_file_atomically(out, std::string_view(page));
}

}  // namespace kantor
