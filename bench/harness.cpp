#include "bench/harness.h"

#include "engine/step.h"
#include "engine/tensor.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <map>
#include <unistd.h>

namespace kantor {
namespace {

using nlohmann::json;

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

/// Keeps the repetitions of each benchmark, in seconds a step, and prints nothing.
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
    return {quantile(found->second, 0.5), quantile(found->second, 0.1), quantile(found->second, 0.9)};
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

/// Overwrites what the caches hold: twice the last one of this host, or a GPU's largest (256 MiB).
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

std::string warm_name(size_t i) {
  return fmt::format("{}-warm", i);
}
std::string cold_name(size_t i) {
  return fmt::format("{}-cold", i);
}

/// The step, captured and replayed once.
Step captured(const Subject& subject, Device device) {
  Step step(subject.step, device);
  while (!step.captured()) step();
  step();  // the first replay
  return step;
}

void time_warm(benchmark::State& state, const Subject& subject, Device device, int64_t& launches) {
  const int replays = device.kind == Device::Kind::sim ? 1 : 10;
  Step step = captured(subject, device);
  launches = step.launches();
  Stopwatch watch(device);
  synchronize(device);
  for (auto unused : state) {
    watch.start();
    for (int r = 0; r < replays; ++r) step();
    state.SetIterationTime(watch.stop() / replays);
  }
}

void time_cold(benchmark::State& state, const Subject& subject, Device device, const Flush& flush) {
  Step step = captured(subject, device);
  Stopwatch watch(device);
  for (auto unused : state) {
    flush();
    watch.start();
    step();
    state.SetIterationTime(watch.stop());
  }
}

json to_json(const Timing& timing) {
  return {{"seconds", timing.median}, {"p10", timing.p10}, {"p90", timing.p90}};
}

}  // namespace

std::vector<Measurement> measure(const std::vector<Subject>& subjects, const BenchOptions& options) {
  std::string word = "kantor";
  char* words[] = {word.data(), nullptr};
  int count = 1;
  benchmark::Initialize(&count, words);
  benchmark::ClearRegisteredBenchmarks();
  const Flush flush(options);
  std::vector<Measurement> result(subjects.size());
  for (size_t i = 0; i < subjects.size(); ++i) {
    const Subject& subject = subjects[i];
    const auto warm = [&, i](benchmark::State& state) {
      time_warm(state, subjects[i], options.device, result[i].launches);
    };
    auto* registered = benchmark::RegisterBenchmark(warm_name(i).c_str(), warm);
    registered->UseManualTime()->Repetitions(options.few() ? 3 : 11);
    if (options.device.kind == Device::Kind::sim) {
      registered->Iterations(1);  // its time is no device's
    } else {
      registered->MinTime(options.quick ? 0.001 : 0.02);
    }
    if (!subject.cold) continue;
    const auto cold = [&, i](benchmark::State& state) { time_cold(state, subjects[i], options.device, flush); };
    benchmark::RegisterBenchmark(cold_name(i).c_str(), cold)
        ->UseManualTime()
        ->Iterations(options.few() ? 1 : 3)
        ->Repetitions(options.few() ? 3 : 11);
  }
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  for (size_t i = 0; i < subjects.size(); ++i) {
    result[i].warm = collector.timing(warm_name(i));
    result[i].cold = collector.timing(cold_name(i));
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
