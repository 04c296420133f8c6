// The fused optimizer pass and GroupSort alone; `kantor bench steps` times whole steps. Bytes a parameter: RMSProp 20,
// Adam 28.
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "engine/threads.h"

#include <benchmark/benchmark.h>
#include <string>

namespace {

using namespace kantor;

void optimizer_pass(benchmark::State& state, const std::string& rule, double bytes) {
  const int64_t size = state.range(0);
  set_threads(static_cast<int>(state.range(1)));
  const Arena parameters({{"w", {size}}}, {});
  OptimizerConfig config;
  config.rule = rule;
  Optimizer optimizer(config, parameters, {0.01});
  const Arena gradients = parameters.like();
  gradients.tensors()[0].copy_from(full({size}, 1e-3));
  for (auto _ : state) optimizer.update(gradients);
  state.SetBytesProcessed(static_cast<int64_t>(bytes * static_cast<double>(size)) * state.iterations());
}

/// Sorts 2048 samples: 8 bytes per element in pairs, 16 in larger groups, which also say where each element came from.
void group_sort_forward(benchmark::State& state) {
  const int64_t width = state.range(0), group = state.range(1);
  set_threads(static_cast<int>(state.range(2)));
  const Tensor x = normal({2048, width}, 1, 1, zeros({}, {DType::int64, {}}));
  const NoGrad no_grad;
  for (auto _ : state) benchmark::DoNotOptimize(group_sort(x, group));
  state.SetItemsProcessed(x.size() * state.iterations());
  state.SetBytesProcessed(x.size() * (group == 2 ? 8 : 16) * state.iterations());
}

BENCHMARK(group_sort_forward)
    ->Args({256, 2, 1})
    ->Args({256, 8, 1})
    ->Args({256, 64, 1})
    ->Args({128, 128, 1})
    ->Args({256, 256, 1})
    ->Args({256, 256, 2})
    ->UseRealTime();
BENCHMARK_CAPTURE(optimizer_pass, rmsprop, "rmsprop", 20.0)
    ->Args({10000, 2})
    ->Args({1000000, 2})
    ->Args({30000000, 2})
    ->UseRealTime();
BENCHMARK_CAPTURE(optimizer_pass, adam, "adam", 28.0)
    ->Args({10000, 2})
    ->Args({1000000, 2})
    ->Args({30000000, 2})
    ->UseRealTime();

}  // namespace
