#include "bench/harness.h"

#include "bench/machine.h"
#include "bench/replay.h"
#include "engine/build_info.h"
#include "engine/products.h"
#include "engine/tensor.h"
#include "engine/threads.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <regex>

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
    return {quantile(found->second, 0.5),
            quantile(found->second, 0.1),
            quantile(found->second, 0.9),
            quantile(found->second, 0),
            static_cast<int64_t>(found->second.size()),
            found->second};
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

/// Overwrites the caches: twice the last-level cache of this host, or 256 MiB for the largest cache of a GPU.
class Flush {
 public:
  explicit Flush(Device device) : device_(device) {
    const int64_t bytes = device.kind == Device::Kind::sim    ? int64_t{1} << 16
                          : device.kind == Device::Kind::cuda ? int64_t{256} << 20
                                                              : 2 * last_cache();
    const TensorOptions tensor{DType::float32, device};
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
      : options_(options), times_(subject.times), step_(capture(subject, options.device)), once_(run_once()) {}
  [[nodiscard]] int64_t launches() const { return step_.launches; }
  double run_once() const { return step_.seconds(1); }

  /// `seconds`: the time allowed for all repetitions; 0 or less means a single one.
  Timing warm(double seconds) {
    const bool sim = options_.device.kind == Device::Kind::sim;  // its time is not a device's
    Plan p = plan(once_, sim ? 0 : options_.quick ? 0.001 : options_.min_time, seconds, sim ? 1 : 10);
    repeat(p);
    return run(p, [&](benchmark::State& state) {
      for (auto unused : state)
        state.SetIterationTime(step_.seconds(p.replays) / (p.replays * static_cast<double>(times_)));
    });
  }
  Timing cold(double seconds, const Flush& flush) {
    const auto start = Clock::now();
    flush();
    const double once = once_ + std::chrono::duration<double>(Clock::now() - start).count();
    Plan p = plan(once, 0, seconds / 3, 1);
    p.iterations = options_.few() || seconds <= 0 ? 1 : 3;
    repeat(p);
    return run(p, [&](benchmark::State& state) {
      for (auto unused : state) {
        flush();
        state.SetIterationTime(step_.seconds(1) / static_cast<double>(times_));
      }
    });
  }

 private:
  void repeat(Plan& p) const {
    if (options_.device.kind == Device::Kind::sim) {
      p.repetitions = 1;
    } else if (options_.repetitions > 0) {
      p.repetitions = options_.repetitions;
    } else if (options_.few()) {
      p.repetitions = std::min(p.repetitions, 3);
    }
  }
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
  int64_t times_;
  CapturedStep step_;
  double once_;
};

/// The program's threads, as long as it lives.
class ThreadScope {
 public:
  explicit ThreadScope(int count) : before_(threads()) {
    if (count > 0) set_threads(count);
  }
  ~ThreadScope() { set_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

Measurement measure_one(const Subject& row, const BenchOptions& options, std::optional<Flush>& flush, double seconds) {
  Subject subject = row;
  const ThreadScope scope(subject.threads);
  if (subject.make) subject.make(subject);
  Measurement result;
  Timer timer(subject, options);
  result.launches = subject.launches ? subject.launches() : timer.launches();
  if (subject.prepare && !subject.in_place) subject.prepare();
  const bool cold = subject.cold && options.cold, warm = options.warm || !cold;
  if (warm) result.warm = timer.warm(cold ? seconds / 2 : seconds);
  if (cold) {
    if (!flush) flush.emplace(options.device);
    result.cold = timer.cold(warm ? seconds / 2 : seconds, *flush);
  }
  if (options.after_row) options.after_row();
  if (!subject.check) return result;
  if (subject.in_place) {
    if (subject.prepare) subject.prepare();
    timer.run_once();
  }
  result.accuracy = subject.check();
  return result;
}

void initialize_benchmark() {
  std::string word = "kantor";
  char* words[] = {word.data(), nullptr};
  int count = 1;
  benchmark::Initialize(&count, words);
}

json to_json(const Timing& timing) {
  return {{"seconds", timing.median},          {"p10", timing.p10},        {"p90", timing.p90}, {"best", timing.best},
          {"repetitions", timing.repetitions}, {"samples", timing.samples}};
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
          {"arithmetic", device.kind == Device::Kind::cpu ? "float32" : product_arithmetic(device)},
          {"build",
           {{"version", build.version},
            {"compiler", build.compiler},
            {"products", build.matrix_products},
            {"cuda", build.cuda}}}};
}

CapturedStep capture(const Subject& subject, Device device) {
  const auto captured = [](const auto& replay) {
    return CapturedStep{[replay](int64_t runs) { return replay->seconds(runs); }, replay->launches()};
  };
  if (subject.run_as != RunAs::recorded) {
    return captured(std::make_shared<DirectReplay>(subject.step, device, subject.run_as == RunAs::graph));
  }
  const std::string rewrites = !subject.rewrites.empty() ? subject.rewrites : subject.whole_step ? "all" : "in-place";
  return captured(std::make_shared<Replay>(subject.step, device, rewrites));
}

bool selected(const Subject& subject, const std::string& filter) {
  std::string text = subject.name + ", " + subject.size;
  for (const auto& [key, value] : subject.extra.items()) {
    if (value.is_string()) text += ", " + value.get<std::string>();
  }
  if (text.find(filter) != std::string::npos) return true;
  try {
    return std::regex_search(text, std::regex(filter));
  } catch (const std::regex_error&) {  // a part of a name, then
    return false;
  }
}

std::vector<Measurement> measure(const std::vector<Subject>& subjects, const BenchOptions& options) {
  initialize_benchmark();
  const auto start = Clock::now();
  std::optional<Flush> flush;
  std::vector<Measurement> result(subjects.size());
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (options.on_row) options.on_row(subjects[i].name + ", " + subjects[i].size, i, subjects.size());
    const double spent = std::chrono::duration<double>(Clock::now() - start).count();
    const double share = (options.seconds() - spent) / static_cast<double>(subjects.size() - i);
    result[i] = measure_one(subjects[i], options, flush, share);
  }
  return result;
}

json row_of(const Subject& subject, const Measurement& measurement) {
  const bool warm = measurement.warm.repetitions > 0, cold = measurement.cold.repetitions > 0;
  const Accuracy& accuracy = measurement.accuracy;
  json row{{"name", subject.name}, {"size", subject.size}, {"dtype", subject.dtype}};
  row.update(to_json(warm ? measurement.warm : measurement.cold));
  row["cold"] = cold ? to_json(measurement.cold) : json();
  row.update({{"bytes", subject.cost.bytes},
              {"flops", subject.cost.flops},
              {"launches", measurement.launches},
              {"error", std::isfinite(accuracy.error) ? json(accuracy.error) : json()},
              {"allowed", accuracy.allowed},
              {"passed", accuracy.passed()}});
  if (subject.threads > 0) row["threads"] = subject.threads;
  row.update(subject.extra);
  return row;
}

}  // namespace kantor
