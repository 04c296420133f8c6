#include "tools/summary.h"

#include "models/training/metrics_log.h"
#include "models/training/run_folder.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A number of a metric, "-" where it was not measured.
std::string cell(const json& values, const char* key, const char* format = "{:.3f}") {
  if (!values.contains(key) || !values[key].is_number()) return "-";
  return fmt::format(fmt::runtime(format), values[key].get<double>());
}

}  // namespace

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

}  // namespace kantor
