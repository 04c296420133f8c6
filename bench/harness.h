// The harness of the microbenchmarks: Google Benchmark times the replay of captured steps, by the device's own clock
// (CUDA events on `cuda`), warm and cold.
#pragma once

#include "engine/device.h"
#include "kernels/launcher.h"

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

struct BenchOptions {
  Device device = {};
  bool quick = false;      // the small sizes, briefly: for tests
  double min_time = 0.02;  // seconds of one repetition, at least one step
  double budget = 0;       // seconds for all rows; 0: 60 on a GPU, 180 elsewhere
  std::function<void(const std::string& row, size_t done, size_t all)> on_row = {};
  [[nodiscard]] bool few() const { return quick || device.kind == Device::Kind::sim; }
  [[nodiscard]] double seconds() const { return budget > 0 ? budget : device.kind == Device::Kind::cuda ? 60 : 180; }
};

/// One thing to time: a step that may be captured, what it moves and computes at least, and how rows tell it apart.
struct Subject {
  std::string name, size;
  Cost cost;
  std::function<void()> step;
  bool cold = true;                                 // also timed with its operands out of the caches
  bool whole_step = false;                          // rewritten as in a training; else its ops run as they are written
  nlohmann::json extra = nlohmann::json::object();  // goes into its row
};

/// Median and spread over repetitions, in seconds per step. Other load disturbs `best` least.
struct Timing {
  double median = 0, p10 = 0, p90 = 0, best = 0;
  int64_t repetitions = 0;
};

struct Measurement {
  Timing warm;  // the operands are where the previous replay left them
  Timing cold;  // the caches were overwritten before each; zeros if not requested
  int64_t launches = 0;
};

/// The value below which a part q of the values lies; 0 if there are none.
double quantile(std::vector<double> values, double q);

/// What figures depend on: {"device", "hardware", "simulated", "threads", "build": {"version", "compiler", "products",
/// "cuda"}}.
nlohmann::json bench_context(Device device);

/// Times all subjects, in the order given, each for its part of the time: 3 to 11 repetitions, or one if the time
/// is used up. Warm: up to ten replays between two clock readings, which cost as much as a short kernel; cold: one.
std::vector<Measurement> measure(const std::vector<Subject>& subjects, const BenchOptions& options);

/// {"name", "size", "seconds", "p10", "p90", "best", "repetitions", "cold": {the same} or null, "bytes", "flops",
/// "launches", ...extra}.
nlohmann::json row_of(const Subject& subject, const Measurement& measurement);

}  // namespace kantor
