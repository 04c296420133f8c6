#include "engine/mlp_training.h"

#include "engine/error.h"
#include "engine/runtime.h"
#include "engine/target.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

namespace kantor {
namespace {

MlpPlan plan_of(Device device, const MlpTraining& training) {
  const Target target = target_of(device);
  return KANTOR_ON(target.backend, plan_mlp_training(training, runtime(device).processor().shared_bytes));
}

/// On the simulator blocks of a team take turns, and more of them only take longer.
int choose_team(Device device, const MlpTraining& training) {
  const Target target = target_of(device);
  if (target.backend == Backend::sim) return 1;
  return least_loaded_team(
      training, [&](const MlpTraining& with_team) { return plan_of(device, with_team); },
      [&](const MlpPlan& plan) { return KANTOR_ON(target.backend, mlp_training_blocks(plan, 1)); });
}

/// The largest cluster that divides the team and fits often enough: the larger it is, the fewer clusters count
/// themselves in device memory, and a team that is one of them loads no weights between updates.
int choose_cluster(Device device, const MlpTraining& training, const MlpPlan& plan) {
  const Target target = target_of(device);
  for (const int cluster : {8, 4, 2}) {
    if (training.team % cluster != 0) continue;
    const int blocks = KANTOR_ON(target.backend, mlp_training_blocks(plan, cluster));
    if (int64_t{training.models} * training.team <= blocks) return cluster;
  }
  return 1;
}

bool has_cores_for(Device device, const MlpTraining& training) {
  return training.arithmetic == Arithmetic::float32 || runtime(device).processor().tensor_cores;
}

/// Host structs as device memory.
template <class T>
Tensor on_device(const std::vector<T>& values, Device device) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(int64_t) == 0);
  std::vector<int64_t> words(values.size() * sizeof(T) / sizeof(int64_t));
  std::memcpy(words.data(), values.data(), values.size() * sizeof(T));
  return from_host(words, {static_cast<int64_t>(words.size())}, {DType::int64, device});
}

}  // namespace

int least_loaded_team(MlpTraining training, const std::function<MlpPlan(const MlpTraining&)>& plan_of,
                      const std::function<int(const MlpPlan&)>& resident) {
  int best = 1, least_rows = std::numeric_limits<int>::max();
  for (int team = 1; team <= training.batch; ++team) {
    training.team = team;
    const MlpPlan plan = plan_of(training);
    if (team > 1 && int64_t{training.models} * team > resident(plan)) break;
    const int samples = (training.batch + team - 1) / team, of_tile = plan.rows / 3;
    const int rows = (samples + of_tile - 1) / of_tile * plan.rows;
    if (rows < least_rows || (rows == least_rows && std::gcd(team, 8) > std::gcd(best, 8))) best = team;
    least_rows = std::min(least_rows, rows);
  }
  return best;
}

bool MlpTrainer::fits(Device device, const MlpTraining& training) {
  if (!has_cores_for(device, training)) return false;
  return plan_of(device, training).width > 0;
}

std::string MlpTrainer::why_not(Device device, const MlpTraining& training) {
  if (fits(device, training)) return "";
  if (!has_cores_for(device, training)) return "no tensor cores for it here";
  const Target target = target_of(device);
  const size_t needed = KANTOR_ON(target.backend, least_shared_bytes(training)) + 1023;
  const size_t there = runtime(device).processor().shared_bytes;
  return std::to_string(needed / 1024) + " kB of shared memory are needed, and a block has " +
         std::to_string(there / 1024);
}

bool MlpTrainer::has_clusters(Device device) {
  const Target target = target_of(device);
  const MlpPlan small{.width = 64, .rows = 12};
  return KANTOR_ON(target.backend, mlp_training_blocks(small, 2)) > 0;
}

int MlpTrainer::most_models(Device device) {
  return runtime(device).processor().multiprocessors;
}

MlpTrainer::MlpTrainer(Device device, const MlpTraining& training, int team, int cluster)
    : device_(device), training_(training) {
  if (!fits(device, training)) throw KernelError("mlp_training: no kernel holds these networks; ask MlpTrainer::fits");
  training_.team = team > 0 ? team : choose_team(device, training);
  plan_ = plan_of(device, training_);
  training_.cluster = cluster > 0 ? cluster : choose_cluster(device, training_, plan_);
  if (training_.team % training_.cluster != 0) {
    throw KernelError("mlp_training: a team of " + std::to_string(training_.team) + " blocks in clusters of " +
                      std::to_string(training_.cluster) + ", which must divide it");
  }
  const Target target = target_of(device);
  training_.multicast = runtime(device).processor().warpgroups &&  // which is code of architecture 90a too
                        KANTOR_ON(target.backend, mlp_training_multicasts(training_, plan_));
  workspace_ = empty({training_.models, plan_.workspace}, {DType::float32, device});
}

std::vector<MlpOutcome> MlpTrainer::run(int iterations, std::vector<MlpModel> models) {
  const Target target = target_of(device_);
  const auto count = static_cast<int64_t>(models.size());
  if (count != training_.models) {
    throw ShapeError("mlp_training of " + std::to_string(training_.models) + " models got " + std::to_string(count));
  }
  training_.iterations = iterations;
  const Tensor losses = zeros({count, iterations, 4}, {DType::float32, device_});
  // One buffer of words: done [models], arrivals [models], stops [models], failed [1].
  const Tensor words = zeros({3 * count + 1}, {DType::int64, device_});
  auto* done = words.view().as<int>();
  auto* counters = reinterpret_cast<unsigned*>(words.view().as<int64_t>() + count);
  for (int64_t m = 0; m < count; ++m) {
    models[static_cast<size_t>(m)].losses = losses.view().as<float>() + m * iterations * 4;
    models[static_cast<size_t>(m)].done = done + m;
  }
  const Tensor on = on_device(models, device_);
  const MlpCounters where{counters, counters + count, counters + 2 * count};
  KANTOR_ON(target.backend, mlp_training(training_, plan_, on.view().as<MlpModel>(), workspace_.view().as<float>(),
                                         where, target.stream));
  const std::vector<int64_t> found = words.to_vector<int64_t>();
  std::vector<unsigned> counted(static_cast<size_t>(2 * (3 * count + 1)));
  std::memcpy(counted.data(), found.data(), counted.size() * sizeof(unsigned));
  if (counted[static_cast<size_t>(2 * count + 2 * count)] != 0) {
    throw KernelError("kernel mlp_training: a block waited in vain for the others of its team; " +
                      std::to_string(training_.models) + " models of " + std::to_string(training_.team) +
                      " blocks must be resident at once: train with --fused off");
  }
  const std::vector<float> all = losses.to_vector<float>();
  std::vector<MlpOutcome> outcomes;
  for (int64_t m = 0; m < count; ++m) {
    const auto begin = all.begin() + m * iterations * 4;
    outcomes.push_back({static_cast<int>(counted[static_cast<size_t>(m)]), {begin, begin + iterations * 4}});
  }
  return outcomes;
}

MlpNetwork mlp_network(const Arena& parameters, const Optimizer& optimizer) {
  MlpNetwork network;
  network.w = parameters.flat().view().as<float>();
  const auto& state = optimizer.state();
  if (!state.empty()) network.first = state[0].second.flat().view().as<float>();
  if (state.size() > 1) network.second = state[1].second.flat().view().as<float>();
  network.rule = optimizer.rule();
  network.settings = optimizer.settings();
  return network;
}

Tensor update_scalars(const Optimizer& optimizer, int64_t done, int64_t count) {
  const UpdateSettings settings = optimizer.settings();
  std::vector<double> scalars;
  for (int64_t t = done + 1; t <= done + count; ++t) {
    scalars.insert(scalars.end(), {optimizer.config().learning_rate, std::pow(settings.beta1, static_cast<double>(t)),
                                   std::pow(settings.beta2, static_cast<double>(t))});
  }
  return from_host(scalars, {count, 3}, {DType::float64, optimizer.step().device()});
}

}  // namespace kantor
