// Whole critic steps, clipped and penalised, eager and replayed, and the fused optimizer pass and GroupSort alone.
// FLOPs: with L hidden n x n layers, batch B and M = 2 B n^2, a clipped step takes 7 L M and a penalised one 11 L M,
// the generator's forward included (docs/architecture.md). Bytes a parameter: RMSProp 20, Adam 28.
#include "engine/autograd.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "engine/step.h"
#include "engine/threads.h"
#include "models/gan/critic.h"
#include "models/gan/critic_loss.h"
#include "models/gan/trainable_network.h"
#include "models/nn/architectures.h"
#include "models/nn/network.h"

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

namespace {

using namespace kantor;

/// Times the step of a critic of these layers on `real`, over one sample's shape, of noise of `z` numbers, under a
/// constraint.
void time_critic_step(benchmark::State& state, const nlohmann::json& layers, const Shape& sample,
                      const Network& generator, const Tensor& real, int64_t z, const std::string& kind, bool capture) {
  const int64_t batch = real.shape()[0];
  CriticOptions options;
  options.constraint.kind = kind;
  if (kind == "clip") options.optimizer.rule = "rmsprop";
  Critic critic(layers, sample, options);
  const Tensor counter = zeros({}, {DType::int64, {}});
  Step step(
      [&] {
        increment(counter);
        const Tensor fake = [&] {
          const NoGrad no_grad;
          return generator(normal({batch, z}, 1, 1, counter));
        }();
        critic.update({.real = real, .fake = fake, .eps_draw = {1, 2, counter}});
      },
      {}, capture);
  for (int i = 0; i < 3; ++i) step();
  for (auto _ : state) step();
}

void critic_step(benchmark::State& state, const std::string& kind, bool capture) {
  const int64_t width = state.range(0), batch = state.range(1);
  set_threads(static_cast<int>(state.range(2)));
  MlpSpec spec;
  spec.width = width;
  const nlohmann::json critic = mlp(spec);
  spec.out = 2;
  const Network generator(mlp(spec), {2}, {});
  time_critic_step(state, critic, {2}, generator, ones({batch, 2}), 2, kind, capture);
  const double products = kind == "clip" ? 7 : 11;
  const double flops = products * 2 * 2.0 * static_cast<double>(batch * width * width);
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void dcgan_critic_step(benchmark::State& state, const std::string& kind) {
  set_threads(static_cast<int>(state.range(2)));
  const DcganSpec spec{.dim = state.range(0)};
  const Network generator(dcgan_generator(spec), {spec.z}, {});
  time_critic_step(state, dcgan_critic(spec), {1, 28, 28}, generator, full({state.range(1), 28, 28, 1}, 0.5), spec.z,
                   kind, true);
}

void dcgan_generator_step(benchmark::State& state) {
  set_threads(static_cast<int>(state.range(2)));
  const DcganSpec spec{.dim = state.range(0)};
  const Network critic(dcgan_critic(spec), {1, 28, 28}, {});
  TrainableNetwork generator("generator", Network(dcgan_generator(spec), {spec.z}, {}), {});
  const Tensor counter = zeros({}, {DType::int64, {}});
  Step step([&] {
    increment(counter);
    const Tensor z = normal({state.range(1), spec.z}, 1, 1, counter);
    generator.descend(generator_loss(critic, generator.network()(z)));
  });
  for (int i = 0; i < 3; ++i) step();
  for (auto _ : state) step();
}

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
BENCHMARK_CAPTURE(critic_step, clip, "clip", true)
    ->Args({512, 256, 2})
    ->Args({128, 256, 2})
    ->Args({128, 64, 2})
    ->Args({64, 64, 1})
    ->UseRealTime();
BENCHMARK_CAPTURE(critic_step, penalty, "penalty", true)
    ->Args({512, 256, 2})
    ->Args({128, 256, 2})
    ->Args({128, 64, 2})
    ->Args({64, 64, 1})
    ->UseRealTime();
BENCHMARK_CAPTURE(critic_step, penalty_eager, "penalty", false)->Args({128, 64, 2})->Args({64, 64, 1})->UseRealTime();
BENCHMARK_CAPTURE(dcgan_critic_step, clip, "clip")->Args({16, 64, 2})->Args({64, 64, 2})->UseRealTime();
BENCHMARK_CAPTURE(dcgan_critic_step, penalty, "penalty")->Args({16, 64, 2})->Args({64, 64, 2})->UseRealTime();
BENCHMARK(dcgan_generator_step)->Args({16, 64, 2})->Args({64, 64, 2})->UseRealTime();
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
