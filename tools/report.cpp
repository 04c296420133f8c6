// kantor report, and the page that train and compare end with: data as JSON, one template, one script.
#include "tools/report.h"

#include "models/files/files.h"
#include "models/training/metrics_log.h"
#include "models/training/run_folder.h"
#include "tools/commands.h"
#include "tools/page.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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

json read_run(const fs::path& folder) {
  const RunConfig config = load_run_config(folder);
  const json lines = read_metrics(folder);
  json env = json::object();
  if (fs::exists(folder / "env.json")) {
    env = json::parse(read_text(folder / "env.json"), nullptr, false);
    if (!env.is_object()) env = json::object();
  }
  return {{"name", config.name},
          {"constraint", config.constraint.kind},
          {"seed", config.seed},
          {"steps", config.steps},
          {"clip", config.constraint.kind == "clip" ? json(config.constraint.clip) : json()},
          {"config", to_toml(config)},
          {"env", env},
          {"lines", lines},
          {"pictures", read_pictures(folder, lines)}};
}

/// The run folders below a folder, or the folder itself.
std::vector<fs::path> runs_in(const fs::path& folder) {
  if (fs::exists(folder / "config.toml")) return {folder};
  std::vector<fs::path> runs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (fs::exists(entry.path() / "config.toml")) runs.push_back(entry.path());
  }
  if (runs.empty()) throw FileError(fmt::format("{}: no run here (no config.toml in it or below it)", folder.string()));
  std::sort(runs.begin(), runs.end());
  return runs;
}

struct ReportArguments {
  std::vector<std::string> folders;
  std::string out = "report.html";
};

int run(const ReportArguments& arguments) {
  std::vector<fs::path> runs;
  for (const std::string& folder : arguments.folders) {
    for (const fs::path& path : runs_in(folder)) runs.push_back(path);
  }
  write_report(runs, arguments.out);
  print_summary(runs);
  fmt::print("report: {}\n", fs::absolute(arguments.out).string());
  return exit_ok;
}

/// A number of a metric, "-" where it was not measured.
std::string cell(const json& values, const char* key, const char* format = "{:.3f}") {
  if (!values.contains(key) || !values[key].is_number()) return "-";
  return fmt::format(fmt::runtime(format), values[key].get<double>());
}

}  // namespace

void write_report(const std::vector<fs::path>& run_folders, const fs::path& out) {
  json runs = json::array();
  for (const fs::path& folder : run_folders) runs.push_back(read_run(folder));
  std::string page(embedded::report_html);
  replace_mark(page, "/*css*/", embedded::report_css);
  replace_mark(page, "/*chart.js*/", embedded::chart_js);
  replace_mark(page, "/*report.js*/", embedded::report_js);
  replace_mark(page, "/*data*/", script_safe({{"runs", runs}}));  // last: nothing is searched for in a user's text
  write_file_atomically(out, std::string_view(page));
}

void print_summary(const std::vector<fs::path>& run_folders) {
  constexpr const char* row = "{:<14} {:<11} {:>4} {:>8} {:>8} {:>7} {:>8} {:>9} {:>8} {:>10} {:>8}\n";
  fmt::print(row, "run", "constraint", "seed", "W1", "floor", "modes", "quality", "estimate", "|grad|", "saturated",
             "ms/step");
  for (const fs::path& folder : run_folders) {
    const RunConfig config = load_run_config(folder);
    json v = json::object();  // the last value of each key
    for (const json& line : read_metrics(folder)) v.update(line);
    const std::string modes =
        v.contains("modes") ? fmt::format("{}/{}", v["modes"].dump(), v["mode_count"].dump()) : "-";
    fmt::print(row, config.name, config.constraint.kind, config.seed, cell(v, "w1"), cell(v, "w1_floor"), modes,
               cell(v, "high_quality"), cell(v, "critic_estimate"), cell(v, "gradient_norm_mean"),
               cell(v, "saturation"), cell(v, "step_milliseconds", "{:.2f}"));
    if (const auto divergence = divergence_of(folder)) {
      fmt::print("  {} diverged: {}\n", config.constraint.kind, divergence->reason);
    }
  }
}

void add_report(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("report", "one HTML page and a table over run folders, or folders of runs");
  const auto arguments = std::make_shared<ReportArguments>();
  command->add_option("folders", arguments->folders, "run folders, or folders that hold some")->required();
  command->add_option("--out", arguments->out, "the page to write")->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
