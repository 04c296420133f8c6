// The harness of the microbenchmarks: Google Benchmark times the replay of captured steps, by the device's own clock
// (CUDA events on `cuda`), warm and cold, and each result is compared with float64 in the same run.
#pragma once

#include "bench/accuracy.h"
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
  bool quick = false;             // the small sizes, briefly: for tests
  double min_time = 0.02;         // seconds of one repetition, at least one step
  double budget = 0;              // seconds for all rows; 0: 60 on a GPU, 180 elsewhere
  int repetitions = 0;            // of each row; 0: 3 to 11, as the budget allows
  bool warm = true, cold = true;  // which of both are timed; at least one
  std::string filter = {};        // of rows, see `selected`; empty: all
  std::function<void(const std::string& row, size_t done, size_t all)> on_row = {};
  std::function<void()> after_row = {};  // while the device is still warm
  [[nodiscard]] bool few() const { return quick || device.kind == Device::Kind::sim; }
  [[nodiscard]] double seconds() const { return budget > 0 ? budget : device.kind == Device::Kind::cuda ? 60 : 180; }
};

/// How many arrays of a row's bytes are read and written: which streaming rate is its limit. In place: what is written
/// was read.
struct Streams {
  int reads = 1, writes = 1;
  bool in_place = false;
};

/// How a subject's step is run: recorded by the engine, once into a graph of the device (for launchers and libraries,
/// which the engine does not record), or called each time, by the host's clock.
enum class RunAs : uint8_t { recorded, graph, called };

/// One thing to time: a step that may be captured, what it moves and computes at least, and how rows tell it apart.
struct Subject {
  std::string name, size;
  Cost cost;
  std::function<void()> step;
  bool cold = true;                                 // also timed with its operands out of the caches
  bool whole_step = false;                          // rewritten as in a training; else copies alone may vanish
  nlohmann::json extra = nlohmann::json::object();  // goes into its row

  // What most leave as it is.
  std::string dtype = "float32";
  Streams streams = {};
  /// Called before the measured runs; overwrites what the step is to write by NaN. Of subjects `in_place`, which go on
  /// from what they left: called after the timing, before one more run, which is the one that is checked.
  std::function<void()> prepare = {};
  bool in_place = false;
  /// What the last run left, compared with float64.
  std::function<Accuracy()> check = {};
  /// Called just before the subject is measured; fills in step, prepare and check, so that only one row's arrays are
  /// held at a time.
  std::function<void(Subject& subject)> make = {};
  std::string rewrites = {};  // of a recorded step; empty: as whole_step says
  RunAs run_as = RunAs::recorded;
  int64_t times = 1;                       // how often a call of the step does what is timed
  int threads = 0;                         // of the CPU; 0: as set
  std::function<int64_t()> launches = {};  // of steps that are called; empty: 1
};

/// Median and spread over repetitions, in seconds per step. Other load disturbs `best` least.
struct Timing {
  double median = 0, p10 = 0, p90 = 0, best = 0;
  int64_t repetitions = 0;
  std::vector<double> samples = {};  // of each repetition, in the order they were taken
};

struct Measurement {
  Timing warm;  // the operands are where the previous replay left them
  Timing cold;  // the caches were overwritten before each; zeros if not requested
  int64_t launches = 0;
  Accuracy accuracy = {};
};

/// The value below which a part q of the values lies; 0 if there are none.
double quantile(std::vector<double> values, double q);

/// What figures depend on: {"device", "hardware", "simulated", "threads", "arithmetic", "build": {"version",
/// "compiler", "products", "cuda"}}.
nlohmann::json bench_context(Device device);

/// Whether the filter, a regular expression or a part of the text, is found in "name, size, extra's strings".
bool selected(const Subject& subject, const std::string& filter);

/// A subject's step, captured as it says.
struct CapturedStep {
  std::function<double(int64_t runs)> seconds;  // of that many runs together, by the device's clock
  int64_t launches = 0;
};
CapturedStep capture(const Subject& subject, Device device);

/// Times all subjects, in the order given, each for its part of the time: 3 to 11 repetitions, or one if the time
/// is used up. Warm: up to ten replays between two clock readings, which cost as much as a short kernel; cold: one.
std::vector<Measurement> measure(const std::vector<Subject>& subjects, const BenchOptions& options);

/// {"name", "size", "dtype", "seconds", "p10", "p90", "best", "repetitions", "samples", "cold": {the same} or null,
/// "bytes", "flops", "launches", "error", "allowed", "passed", ...extra}. The figures are the warm ones, or, where only
/// cold runs were timed, those. An error that is not finite is null.
nlohmann::json row_of(const Subject& subject, const Measurement& measurement);

}  // namespace kantor
