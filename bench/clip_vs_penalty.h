// The cost of clipping and of a penalty: the kernels of both by size, and a whole critic step under each constraint.
#pragma once

#include "bench/harness.h"

#include <string>
#include <vector>

namespace kantor {

/// What it times, but for the machine's own rates.
std::vector<Subject> clip_vs_penalty_subjects(const BenchOptions& options);

/// Runs it and gives {"device", "hardware", "simulated", "threads", "build", "machine": {"copy_bytes_per_second",
/// "gemm_flops_per_second", and the spread of both over repetitions}, "load": {"others", "steal", "machine_repeats",
/// "warning" of a busy machine}, "rows": as row_of, with "constraint" and "price" (against "none") in those of whole
/// steps}.
nlohmann::json clip_vs_penalty(const BenchOptions& options);

/// The same as a table for people. It has no rates on `sim`, whose time is not a device's.
std::string bench_table(const nlohmann::json& result);

}  // namespace kantor
