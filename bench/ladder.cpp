#include "bench/ladder.h"

#include "bench/harness.h"
#include "bench/machine.h"
#include "bench/replay.h"
#include "engine/target.h"
#include "kernels/ladder/call.h"
#include "models/training/config.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

namespace kantor {
namespace {

using nlohmann::json;

constexpr int64_t most_checked_flops = 2'000'000'000;  // a second or two of the reference on the host

const ladder::Family& family_named(const std::string& name) {
  std::string names;
  for (const ladder::Family& family : ladder::families()) {
    if (family.name == name) return family;
    names += (names.empty() ? "" : ", ") + family.name;
  }
  throw ConfigError("there is no family '" + name + "' on the ladder; there are " + names);
}

/// "rows 256, width 784".
std::string size_text(const ladder::Family& family, const ladder::Sizes& sizes) {
  std::string text;
  for (size_t i = 0; i < sizes.size(); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", family.size_names[i], sizes[i]);
  }
  return text;
}

/// What the versions of one size share: the arrays, and the result of the check of each.
class Table {
 public:
  Table(const LadderOptions& options, const ladder::Family& family, json machine)
      : options_(options), family_(family), machine_(std::move(machine)), target_(target_of(options.device)) {}

  json row(const ladder::Rung& rung, const ladder::Sizes& sizes) const {
    const Cost cost = family_.cost(sizes);
    json row{{"version", rung.version},
             {"text", rung.text},
             {"production", rung.production},
             {"sizes", sizes},
             {"bytes", cost.bytes},
             {"flops", cost.flops},
             {"size", size_text(family_, sizes)},
             {"launches", 0},
             {"seconds", json()},
             {"p10", json()},
             {"p90", json()},
             {"share", json()},
             {"of_library", json()},
             {"counts", counts(rung)}};
    check(rung, cost.flops <= most_checked_flops ? sizes : checked_instead(rung), row);
    time(rung, sizes, row);
    return row;
  }

 private:
  /// The largest test size that the version takes, by operations.
  [[nodiscard]] ladder::Sizes checked_instead(const ladder::Rung& rung) const {
    ladder::Sizes best;
    int64_t most = -1;
    for (const ladder::Sizes& sizes : family_.test_sizes) {
      const int64_t flops = family_.cost(sizes).flops;
      if (flops <= most || !rung.runs(sizes)) continue;
      best = sizes;
      most = flops;
    }
    return best;
  }

  void check(const ladder::Rung& rung, const ladder::Sizes& sizes, json& row) const {
    row.update({{"checked", sizes}, {"error", json()}, {"allowed", rung.error}, {"passed", false}, {"wrong", ""}});
    if (sizes.empty()) {
      row["wrong"] = "it takes none of the sizes that are compared";
      return;
    }
    try {
      const ladder::Call call(family_, sizes, target_.backend);
      call.run(rung, target_.stream);
      synchronize(options_.device);
      const ladder::Finding worst = call.compare();
      if (std::isfinite(worst.error)) row["error"] = worst.error;
      row["passed"] = worst.error <= rung.error;
      if (!row["passed"]) row["wrong"] = worst.text();
    } catch (const KernelError& error) {
      row["wrong"] = error.what();
    }
  }

  /// A captured run is launched several times between two readings of the device's clock.
  void time(const ladder::Rung& rung, const ladder::Sizes& sizes, json& row) const {
    const ladder::Call call(family_, sizes, target_.backend);
    DirectReplay replay([&] { call.run(rung, target_.stream); }, options_.device, true);
    row["launches"] = replay.launches();
    if (options_.device.kind == Device::Kind::sim) return;
    const int runs = static_cast<int>(std::clamp(options_.seconds / std::max(replay.seconds(1), 1e-7), 1.0, 1000.0));
    std::vector<double> all;
    for (int i = 0; i < options_.repetitions; ++i) all.push_back(replay.seconds(runs) / runs);
    const double median = quantile(all, 0.5);
    row["seconds"] = median;
    row["p10"] = quantile(all, 0.1);
    row["p90"] = quantile(all, 0.9);
    row["share"] = std::max(row["bytes"].get<double>() / machine_["copy_bytes_per_second"].get<double>(),
                            row["flops"].get<double>() / machine_["product_flops_per_second"].get<double>()) /
                   median;
  }

  [[nodiscard]] json counts(const ladder::Rung& rung) const {
    if (!options_.figures.is_object()) return {};
    for (const json& committed : options_.figures["rungs"]) {
      if (committed["version"] == rung.version) return committed["counts"];
    }
    return {};
  }

  const LadderOptions& options_;
  const ladder::Family& family_;
  json machine_;
  Target target_;
};

/// What the machine copies and multiplies in this run, by nothing of the ladder's.
json machine_of(Device device) {
  return device.kind == Device::Kind::sim ? json() : to_json(measure_machine(device, 5));
}

/// Each version's time over that of the library's function, version 0.
void compare_with_library(json& rows) {
  for (json& row : rows) {
    for (const json& other : rows) {
      if (other["version"] != 0 || other["sizes"] != row["sizes"] || row["seconds"].is_null()) continue;
      row["of_library"] = row["seconds"].get<double>() / other["seconds"].get<double>();
    }
  }
}

// ---- The table ------------------------------------------------------------------------------------------------------

struct Sums {
  int64_t accesses = 0, taken = 0, fewest = 0;
};

/// Of all kernels of a count, in one space.
Sums sums_of(const json& kernels, const char* space) {
  Sums sums;
  for (const json& kernel : kernels) {
    for (const json& part : kernel[space]) {
      sums.accesses += part["accesses"].get<int64_t>();
      sums.taken += part["taken"].get<int64_t>();
      sums.fewest += part["fewest"].get<int64_t>();
    }
  }
  return sums;
}

/// "4.00 / 4.00": transactions of an access, and the fewest.
std::string each(const json& kernels, const char* space) {
  const Sums sums = sums_of(kernels, space);
  if (sums.accesses == 0) return "-";
  const auto accesses = static_cast<double>(sums.accesses);
  return fmt::format("{:.2f} / {:.2f}", static_cast<double>(sums.taken) / accesses,
                     static_cast<double>(sums.fewest) / accesses);
}

/// Sectors, passes, registers, shared memory, spills and occupancy, as committed: of these sizes, else of the first
/// that were counted.
std::string figures_text(const json& row) {
  if (row["counts"].is_null() || row["counts"].empty()) return fmt::format("{:>15} {:>13}", "-", "-");
  const json& counts = row["counts"];
  const auto same =
      std::find_if(counts.begin(), counts.end(), [&](const json& count) { return count["sizes"] == row["sizes"]; });
  const json& count = same != counts.end() ? *same : counts[0];
  const json& kernels = count["kernels"];
  std::string text = fmt::format("{:>15} {:>13}", each(kernels, "global"), each(kernels, "shared"));
  const json& kernel =
      *std::find_if(kernels.begin(), kernels.end(), [&](const json& one) { return one["name"] == count["main"]; });
  const json& found = kernel["resources"];
  int64_t dynamic = 0;
  for (const json& launch : kernel["launches"]) dynamic = std::max(dynamic, launch["shared"].get<int64_t>());
  return text + fmt::format(" {:>5} {:>7} {:>6} {:>5.0f} %", found["registers"].get<int>(),
                            found["static_shared"].get<int64_t>() + dynamic,
                            found["spilled"].is_null() ? "stack" : fmt::format("{}", found["spilled"].get<int64_t>()),
                            100 * found["occupancy"]["share"].get<double>());
}

std::string time_text(const json& row) {
  if (row["seconds"].is_null()) return fmt::format("{:>12} {:>7} {:>7}", "-", "-", "-");
  return fmt::format("{:>9.1f} us {:>5.0f} % {:>7}", 1e6 * row["seconds"].get<double>(),
                     100 * row["share"].get<double>(),
                     row["of_library"].is_null() ? "-" : fmt::format("{:.2f}", row["of_library"].get<double>()));
}

std::string value_text(const json& row) {
  if (!row["passed"]) return "wrong";
  return fmt::format("{:.1e}", row["error"].get<double>());
}

}  // namespace

json bench_ladder(const LadderOptions& options) {
  const ladder::Family& family = family_named(options.family);
  if (options.device.kind == Device::Kind::cpu) {
    throw ConfigError("the ladder's versions are kernels: --device sim or cuda runs them");
  }
  const bool sim = options.device.kind == Device::Kind::sim;
  const std::vector<ladder::Rung> rungs = ladder::rungs(family.name, target_of(options.device).backend);
  const std::vector<ladder::Sizes>& all_sizes = sim ? family.count_sizes : family.bench_sizes;
  json result = bench_context(options.device);
  result["machine"] = machine_of(options.device);
  const Table table(options, family, result["machine"]);
  json rows = json::array();
  for (const ladder::Sizes& sizes : all_sizes) {
    for (const ladder::Rung& rung : rungs) {
      if (!rung.runs(sizes)) continue;
      if (options.on_row) options.on_row(rung.text, rows.size(), all_sizes.size() * rungs.size());
      rows.push_back(table.row(rung, sizes));
    }
  }
  compare_with_library(rows);
  result.update({{"family", family.name},
                 {"formula", family.formula},
                 {"size_names", family.size_names},
                 {"rows", std::move(rows)}});
  return result;
}

bool ladder_passed(const json& result) {
  return std::all_of(result["rows"].begin(), result["rows"].end(),
                     [](const json& row) { return row["passed"].get<bool>(); });
}

std::string ladder_table(const json& result) {
  std::string text = fmt::format("{}: {}\n", result["family"].get<std::string>(), result["formula"].get<std::string>());
  const bool simulated = result["simulated"];
  if (simulated) {
    text += "simulated: values are compared, and times would say nothing about a GPU\n";
  } else {
    text += fmt::format("{}, in this run: copy {:.0f} GB/s, product {:.1f} TFLOP/s\n",
                        result["hardware"].get<std::string>(),
                        result["machine"]["copy_bytes_per_second"].get<double>() / 1e9,
                        result["machine"]["product_flops_per_second"].get<double>() / 1e12);
  }
  std::string size;
  for (const json& row : result["rows"]) {
    if (row["size"] != size) {
      size = row["size"];
      text += fmt::format("\n{}\n{:>3} {:<44} {:>8} {:>8} {:>12} {:>7} {:>7} {:>15} {:>13} {:>5} {:>7} {:>6} {:>7}\n",
                          size, "", "version", "launches", "error", "time", "machine", "library", "sectors", "passes",
                          "regs", "shared", "spills", "occup.");
    }
    text += fmt::format("{:>3} {:<44} {:>8} {:>8} {} {}\n", row["version"].get<int>(), row["text"].get<std::string>(),
                        row["launches"].get<int64_t>(), value_text(row), time_text(row), figures_text(row));
    const std::string wrong = row["wrong"];
    if (!wrong.empty()) text += "    wrong: " + wrong + "\n";
  }
  return text +
         "\nerror: the worst element's, of the sum of its terms' absolute values, against float64\n"
         "machine: share of the measured copy or product rate; library: the time over version 0's\n"
         "sectors, passes: of an access of a warp, beside the fewest; shared, spills: bytes; as committed in\n"
         "bench/results/ladder, of this size if it was counted; resources of its main kernel\n";
}

std::string ladder_list() {
  std::string text;
  for (const ladder::Family& family : ladder::families()) {
    text += fmt::format("{}: {}\n", family.name, family.formula);
    for (const ladder::Rung& rung : ladder::rungs(family.name, Backend::sim)) {
      text += fmt::format("  {:>2} {}{}\n", rung.version, rung.text, rung.production ? " (the engine's)" : "");
    }
  }
  return text + "kantor bench ladder FAMILY compares, counts and times the versions of one\n";
}

}  // namespace kantor
