// Every version of every kernel family of the ladder, timed on the GPU where there is one, else on the simulator, whose
// times say only that the code runs: kantor_bench --benchmark_filter=ladder.
#include "engine/device.h"
#include "engine/target.h"
#include "kernels/ladder/call.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace {

using namespace kantor;

void time_rung(benchmark::State& state, const ladder::Family& family, const ladder::Rung& rung,
               const ladder::Sizes& sizes, Device device) {
  const ladder::Call call(family, sizes, rung.backend);
  const Stream stream = target_of(device).stream;
  synchronize(device);
  for (auto _ : state) {
    call.run(rung, stream);
    synchronize(device);
  }
  const Cost cost = family.cost(sizes);
  state.SetBytesProcessed(cost.bytes * state.iterations());
}

const bool registered = [] {
  const Device gpu{Device::Kind::cuda, 0};
  const bool on_gpu = why_unavailable(gpu).empty();
  const Device device = on_gpu ? gpu : Device{Device::Kind::sim, 0};
  for (const ladder::Family& family : ladder::families()) {
    for (const ladder::Rung& rung : ladder::rungs(family.name, on_gpu ? Backend::cuda : Backend::sim)) {
      for (const auto& sizes : on_gpu ? family.bench_sizes : family.test_sizes) {
        const std::string name =
            fmt::format("ladder/{}/v{}/{}/{}", family.name, rung.version, fmt::join(sizes, "x"), to_string(device));
        benchmark::RegisterBenchmark(name.c_str(), [&family, rung, sizes, device](benchmark::State& state) {
          time_rung(state, family, rung, sizes, device);
        })->UseRealTime();
      }
    }
  }
  return true;
}();

}  // namespace
