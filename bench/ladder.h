// The ladder as a benchmark: every version of a kernel family (kernels/ladder), compared with float64 in the same run,
// and on a GPU timed, beside what was counted and compiled before (bench/results/ladder).
#pragma once

#include "engine/device.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {

struct LadderOptions {
  std::string family;
  Device device = {};      // `sim` or `cuda`: the CPU has no kernels
  double seconds = 0.002;  // of one repetition, at least one run
  int repetitions = 11;
  nlohmann::json figures = {};  // of the family, as tools/ladder_pages committed them; null where there are none
  std::function<void(const std::string& row, size_t done, size_t all)> on_row = {};
};

/// Runs every version on the family's bench sizes, on `sim`, where times mean nothing, on its count sizes. Gives
/// {"family", "formula", "size_names", "device", "hardware", ..., "simulated", "machine": {"copy_bytes_per_second",
/// "product_flops_per_second"} or null on `sim`, "rows": [{"version", "text", "production", "sizes", "size",
/// "launches", "error": the worst element's, or null where it is not finite, "allowed", "passed", "checked": the sizes
/// on which values were compared, "wrong": text of what failed or "", "seconds", "p10", "p90", "share" of the machine's
/// rate, "of_library": the time over version 0's; null on `sim`, "bytes", "flops": the floor, "counts": the committed
/// figures or null}]}. Throws ConfigError for a name that is not a family's, and for the CPU.
nlohmann::json bench_ladder(const LadderOptions& options);

/// Whether every version computed what it should.
bool ladder_passed(const nlohmann::json& result);

/// The same as a table for people.
std::string ladder_table(const nlohmann::json& result);

/// The families, one a line, with their versions and what they compute.
std::string ladder_list();

}  // namespace kantor
