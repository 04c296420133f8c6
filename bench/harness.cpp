#include "bench/harness.h"

#include "bench/replay.h"
#include "engine/build_info.h"
#include "engine/tensor.h"
#include "engine/threads.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <unistd.h>

namespace kantor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// Keeps the repetitions of each benchmark, in seconds per step, and prints nothing.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration && run.iterations > 0) {
        times_[run.run_name.function_name].push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
      }
    }
  }
  [[nodiscard]] Timing timing(const std::string& name) const {
    const auto found = times_.find(name);
    if (found == times_.end()) return {};
    return {quantile(found->second, 0.5), quantile(found->second, 0.1), quantile(found->second, 0.9),
            quantile(found->second, 0), static_cast<int64_t>(found->second.size())};
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

/// Overwrites the caches: with twice the L3 cache of this host, or with 256 MiB for the largest cache of a GPU.
class Flush {
 public:
  explicit Flush(const BenchOptions& options) : device_(options.device) {
    const long last = sysconf(_SC_LEVEL3_CACHE_SIZE);
    const int64_t host = std::clamp<int64_t>(2 * int64_t{last}, int64_t{32} << 20, int64_t{256} << 20);
    const int64_t bytes = options.few()                              ? int64_t{1} << 16
                          : options.device.kind == Device::Kind::cpu ? host
                                                                     : int64_t{256} << 20;
    const TensorOptions tensor{DType::float32, options.device};
    from_ = full({bytes / 8}, 1, tensor);
    to_ = full({bytes / 8}, 2, tensor);
  }
  void operator()() const {
    to_.copy_from(from_);
    synchronize(device_);
  }

 private:
  Device device_;
  Tensor from_, to_;
};

/// How often a step is run.
struct Plan {
  int replays = 1;  // between two readings of the clock
  int64_t iterations = 1;
  int repetitions = 1;
};

/// Plans from the time of one run, the wanted time of a repetition, and the time allowed for all repetitions.
Plan plan(double once, double repetition, double all, int most_replays) {
  Plan p;
  once = std::max(once, 1e-7);
  p.replays = static_cast<int>(std::clamp(repetition / once, 1.0, static_cast<double>(most_replays)));
  p.iterations = std::max<int64_t>(1, std::llround(repetition / (once * p.replays)));
  const double one = once * static_cast<double>(p.replays) * static_cast<double>(p.iterations);
  p.repetitions = all <= 0 ? 1 : static_cast<int>(std::clamp(all / one, 3.0, 11.0));
  return p;
}

/// A subject's step, captured, and how it is timed.
class Timer {
 public:
  Timer(const Subject& subject, const BenchOptions& options)
      : options_(options),
        replay_(subject.step, options.device, subject.whole_step ? "all" : "none"),
        once_(replay_.seconds(1)) {}
  [[nodiscard]] int64_t launches() const { return replay_.launches(); }

  /// `seconds`: the time allowed for all repetitions; 0 or less means a single one.
  Timing warm(double seconds) {
    const bool sim = options_.device.kind == Device::Kind::sim;  // its time is not a device's
    Plan p = plan(once_, sim ? 0 : options_.quick ? 0.001 : options_.min_time, seconds, sim ? 1 : 10);
    if (options_.few()) p.repetitions = std::min(p.repetitions, 3);
    return run(p, [&](benchmark::State& state) {
      for (auto unused : state) state.SetIterationTime(replay_.seconds(p.replays) / p.replays);
    });
  }
  Timing cold(double seconds, const Flush& flush) {
    const auto start = Clock::now();
    flush();
    const double once = once_ + std::chrono::duration<double>(Clock::now() - start).count();
    Plan p = plan(once, 0, seconds / 3, 1);
    p.iterations = options_.few() || seconds <= 0 ? 1 : 3;
    if (options_.few()) p.repetitions = std::min(p.repetitions, 3);
    return run(p, [&](benchmark::State& state) {
      for (auto unused : state) {
        flush();
        state.SetIterationTime(replay_.seconds(1));
      }
    });
  }

 private:
  template <class F>
  static Timing run(const Plan& p, const F& body) {
    benchmark::ClearRegisteredBenchmarks();
    benchmark::RegisterBenchmark("subject", body)
        ->UseManualTime()
        ->Iterations(p.iterations)
        ->Repetitions(p.repetitions);
    Collector collector;
    benchmark::RunSpecifiedBenchmarks(&collector);
    benchmark::ClearRegisteredBenchmarks();
    return collector.timing("subject");
  }

  const BenchOptions& options_;
  Replay replay_;
  double once_;
};

void initialize_benchmark() {
  std::string word = "kantor";
  char* words[] = {word.data(), nullptr};
  int count = 1;
  benchmark::Initialize(&count, words);
}

json to_json(const Timing& timing) {
  return {{"seconds", timing.median},
          {"p10", timing.p10},
          {"p90", timing.p90},
          {"best", timing.best},
          {"repetitions", timing.repetitions}};
}

}  // namespace

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

json bench_context(Device device) {
  const BuildInfo build = build_info();
  return {{"device", to_string(device)},
          {"hardware", hardware(device)},
          {"simulated", device.kind == Device::Kind::sim},
          {"threads", threads()},
          {"build",
           {{"version", build.version},
            {"compiler", build.compiler},
            {"products", build.matrix_products},
            {"cuda", build.cuda}}}};
}

std::vector<Measurement> measure(const std::vector<Subject>& subjects, const BenchOptions& options) {
  initialize_benchmark();
  const Flush flush(options);
  const auto start = Clock::now();
  std::vector<Measurement> result(subjects.size());
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (options.on_row) options.on_row(subjects[i].name, i, subjects.size());
    const double spent = std::chrono::duration<double>(Clock::now() - start).count();
    const double share = (options.seconds() - spent) / static_cast<double>(subjects.size() - i);
    Timer timer(subjects[i], options);
    result[i].launches = timer.launches();
    result[i].warm = timer.warm(subjects[i].cold ? share / 2 : share);
    if (subjects[i].cold) result[i].cold = timer.cold(share / 2, flush);
  }
  return result;
}

json row_of(const Subject& subject, const Measurement& measurement) {
  json row{{"name", subject.name}, {"size", subject.size}};
  row.update(to_json(measurement.warm));
  row["cold"] = subject.cold ? to_json(measurement.cold) : json();
  row.update({{"bytes", subject.cost.bytes}, {"flops", subject.cost.flops}, {"launches", measurement.launches}});
  row.update(subject.extra);
  return row;
}

}  // namespace kantor
