// Cooperative launches: blocks that wait for each other, what must be found in them, and the kernel that trains
// (kernels/mlp_training) under the checkers, by teams of several sizes.
#include "engine/mlp_training.h"
#include "engine/random.h"
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/sim/support.h"
#include "tests/sim/team_bugs.h"
#include "tests/watched_runtime.h"

#ifdef KANTOR_SIM_RACES
#include "kernels/sim/traffic/counter.h"
#endif

#include <cstring>

using namespace kantor;
using namespace kantor::testing;
namespace bugs = kantor::sim::bugs;

namespace {

void pass_round(bugs::TeamBug bug, int blocks = 4, unsigned cluster = 1) {
  std::vector<float> numbers(static_cast<size_t>(64 * blocks));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  const Array y(numbers), z(numbers.size()), counts(2, 0);
  auto* count = reinterpret_cast<unsigned*>(counts.get());
  bugs::team(bug, y.get(), z.get(), count, count + 1, blocks, cluster, nullptr);
  const std::vector<float> found = y.host();
  for (size_t i = 0; i < numbers.size(); ++i) REQUIRE(found[i] == numbers[(i + 128) % numbers.size()] + 1);
}

/// One layer's arrays in an arena.
Arena network(const std::vector<int>& units, MlpShape& shape) {
  std::vector<std::pair<std::string, Shape>> rows;
  for (size_t l = 0; l + 1 < units.size(); ++l) {
    rows.emplace_back("weight", Shape{units[l + 1], units[l]});
    rows.emplace_back("bias", Shape{units[l + 1]});
  }
  Arena arena(rows, {DType::float32, {Device::Kind::sim, 0}});
  shape.count = static_cast<int>(units.size()) - 1;
  for (int l = 0; l < shape.count; ++l) {
    shape.layers[l] = {units[static_cast<size_t>(l)], units[static_cast<size_t>(l) + 1],
                       arena.rows()[static_cast<size_t>(2 * l)].offset,
                       arena.rows()[static_cast<size_t>(2 * l) + 1].offset};
    HostRandom random(5, static_cast<uint32_t>(l));
    std::vector<float> values(static_cast<size_t>(arena.rows()[static_cast<size_t>(2 * l)].shape.size()));
    for (float& v : values) v = static_cast<float>(0.5 * random.normal());
    arena.tensors()[static_cast<size_t>(2 * l)].assign(values);
  }
  return arena;
}

/// Trains two models for an iteration, or their critics alone for two, and returns the weights. Cluster 0: chosen.
std::vector<float> train(int width, int batch, int team, int cluster = 0, bool critics_alone = false,
                         bool multicast = false, Arithmetic arithmetic = Arithmetic::float32) {
  const Device device{Device::Kind::sim, 0};
  MlpTraining training;
  training.models = 2;
  training.batch = batch;
  training.critic_steps = 1;
  training.multicast = multicast;
  training.arithmetic = arithmetic;
  training.streams = {4, 5, 6};
  std::vector<Arena> arenas;
  std::vector<std::unique_ptr<Optimizer>> optimizers;
  std::vector<Tensor> kept;
  std::vector<MlpModel> models(2);
  HostRandom random(3, 3);
  const int iterations = critics_alone ? 2 : 1;
  std::vector<float> real(static_cast<size_t>(2 * batch * iterations));
  for (float& x : real) x = static_cast<float>(random.normal());
  kept.push_back(from_host(real, {static_cast<int64_t>(real.size())}, {DType::float32, device}));
  kept.push_back(from_host(std::vector<double>{1, 0, -1, 0}, {4}, {DType::float64, device}));
  std::vector<float> fakes(real.rbegin(), real.rend());
  for (float& x : fakes) x -= 0.3F;
  kept.push_back(from_host(fakes, {static_cast<int64_t>(fakes.size())}, {DType::float32, device}));
  for (MlpModel& model : models) {
    const bool penalised = &model == models.data();
    model.points = penalised ? PenaltyPoints::between : PenaltyPoints::none;
    model.lambda = 0.1;
    model.seed = penalised ? 1 : 2;
    if (penalised) {
      model.data.values = kept[0].view().as<float>();
    } else {  // drawn in the kernel
      model.data = {
          .law = MlpData::Law::mixture, .centres = kept[1].view().as<double>(), .modes = 2, .sigma = 0.1, .stream = 7};
    }
    if (critics_alone && penalised) model.fakes.values = kept[2].view().as<float>();
    if (critics_alone && !penalised) {
      model.fakes = {.law = MlpData::Law::spiral,
                     .start = 1,
                     .scale = 3,
                     .sigma = 0.1,
                     .more_noise = 0.5,
                     .stream = 8,
                     .more_noise_stream = 9};
    }
    const std::pair<MlpNetwork*, MlpShape*> networks[] = {{&model.critic, &training.critic},
                                                          {&model.generator, &training.generator}};
    for (const auto& [part, shape] : networks) {
      const bool critic = part == &model.critic;
      if (critics_alone && !critic) continue;
      arenas.push_back(
          network(critic ? std::vector<int>{2, width, width - 3, 1} : std::vector<int>{3, width, 2}, *shape));
      optimizers.push_back(std::make_unique<Optimizer>(OptimizerConfig{}, arenas.back()));
      *part = mlp_network(arenas.back(), *optimizers.back());
      part->weight_bound = part->bias_bound = penalised ? 1e30F : 0.4F;
      kept.push_back(update_scalars(*optimizers.back(), 0, iterations));
      part->scalars = static_cast<const UpdateScalars*>(kept.back().view().data);
    }
  }
  MlpTrainer trainer(device, training, team, cluster);
  for (const MlpOutcome& outcome : trainer.run(iterations, models)) CHECK(outcome.done == iterations);
  std::vector<float> weights;
  for (const Arena& arena : arenas) {
    const auto values = arena.flat().to_vector<float>();
    weights.insert(weights.end(), values.begin(), values.end());
  }
  return weights;
}

}  // namespace

TEST_CASE("sim: the blocks of a cooperative launch wait for each other") {
  in_every_order([] {
    pass_round(bugs::TeamBug::nothing);
    pass_round(bugs::TeamBug::nothing, 6, 2);
    pass_round(bugs::TeamBug::nothing, 8, 8);
  });
  pass_round(bugs::TeamBug::nothing, 33);
}

TEST_CASE("sim: a barrier that not every block reaches is an error with its place") {
  found([] { pass_round(bugs::TeamBug::one_stays_away); },
        {"kernel team_kernel", "a barrier that not every block reaches",
         "thread (0,0,0): waits in a barrier of its team at ", "team.h:", "7 of 8 arrivals"});
  found([] { pass_round(bugs::TeamBug::one_stays_away, 6, 2); },
        {"kernel team_kernel", "a barrier that not every block reaches"});
  found([] { pass_round(bugs::TeamBug::one_stays_away, 4, 4); },
        {"kernel team_kernel", "waits in cluster_barrier at ", "team.h:", "3 of 4 blocks"});
  pass_round(bugs::TeamBug::nothing);  // and the next launch works
}

TEST_CASE("sim: blocks that wait for each other in a usual launch are found") {
  found([] { pass_round(bugs::TeamBug::not_cooperative); }, {"kernel team_kernel", "make the launch cooperative"});
  found([] { pass_round(bugs::TeamBug::not_cooperative, 4, 2); },
        {"kernel team_kernel", "make the launch cooperative"});
}

#ifdef KANTOR_SIM_RACES
TEST_CASE("sim: a missing barrier between blocks is a race") {
  for (const unsigned cluster : {1U, 2U, 4U}) {
    found([&] { pass_round(bugs::TeamBug::no_barrier, 4, cluster); },
          {"kernel team_kernel", "data race on global memory"});
  }
}
#elif defined(__SANITIZE_ADDRESS__)
TEST_CASE("sim: a cooperative kernel keeps its shared memory in dynamic_shared") {
  found([] { pass_round(bugs::TeamBug::static_shared); },
        {"a cooperative kernel, or one of clusters, uses a __shared__ array"});
}
#endif

TEST_CASE(
    "sim: the kernel that trains is without a race, and teams of every size, in clusters or not, give the same bits") {
  for (const int width : {20, 70}) {
    const std::vector<float> alone = train(width, 9, 1);
    for (const auto& [team, cluster] : {std::pair{2, 1}, {3, 3}, {8, 1}, {8, 2}, {8, 8}}) {
      INFO("width " << width << ", team of " << team << " in clusters of " << cluster);
      CHECK(train(width, 9, team, cluster) == alone);
    }
  }
  const std::vector<float> streamed = train(132, 3, 1);  // matrices go through shared memory
  for (const auto& [team, cluster] : {std::pair{2, 1}, {3, 1}, {3, 3}}) CHECK(train(132, 3, team, cluster) == streamed);
  CHECK(train(131, 3, 2) == train(131, 3, 1));  // rows that do not begin at multiples of 16 bytes
  {
    WatchedRuntime card;
    card.shared_bytes = size_t{99} * 1024;  // two panels at a time
    CHECK(train(132, 3, 2) == streamed);
  }
  const std::vector<float> resident = train(70, 9, 1);
  {
    WatchedRuntime card;
    card.shared_bytes = size_t{64} * 1024;  // no 128 x 128 matrix is resident
    CHECK(train(70, 9, 2) == resident);
  }
  const std::vector<float> critics = train(20, 9, 1, 1, true);
  for (const auto& [team, cluster] : {std::pair{2, 1}, {3, 3}, {8, 1}, {8, 4}}) {
    INFO("critics alone, team of " << team << " in clusters of " << cluster);
    CHECK(train(20, 9, team, cluster, true) == critics);
  }
  // Clusters whose blocks load together, in every order of threads.
  const std::vector<float> each = train(20, 9, 8, 1), wide = train(72, 9, 4, 1);
  for (const sim::Order order : {sim::Order::forward, sim::Order::reverse, sim::Order::random}) {
    sim::set_order(order, 5);
    CHECK(train(20, 9, 8, 2, false, true) == each);
    CHECK(train(20, 9, 8, 4, true, true) == critics);
    if (order == sim::Order::random) CHECK(train(72, 9, 4, 2, false, true) == wide);
    sim::set_order(sim::Order::forward);
  }
  // Two tiles a block, and another order of threads.
  sim::set_order(sim::Order::random, 3);
  const std::vector<float> random = train(20, 40, 2, 1), cluster = train(20, 40, 2, 2), clusters = train(20, 40, 4, 2),
                           streamed_at_random = train(132, 3, 1);
  sim::set_order(sim::Order::forward);
  CHECK(train(20, 40, 2, 1) == random);
  CHECK(cluster == random);
  CHECK(clusters == random);
  CHECK(streamed_at_random == streamed);
}

TEST_CASE("sim: the kernel that trains by three TF32 products is without a race, and every team gives the same bits") {
  constexpr Arithmetic three = Arithmetic::three_tf32;
  for (const int width : {20, 70}) {
    const std::vector<float> alone = train(width, 9, 1, 1, false, false, three);
    for (const auto& [team, cluster] : {std::pair{2, 1}, {3, 3}, {8, 2}}) {
      INFO("width " << width << ", team of " << team << " in clusters of " << cluster);
      CHECK(train(width, 9, team, cluster, false, false, three) == alone);
    }
  }
  const std::vector<float> streamed = train(132, 3, 1, 1, false, false, three);
  CHECK(train(132, 3, 3, 1, false, false, three) == streamed);
  CHECK(train(131, 3, 2, 1, false, false, three) == train(131, 3, 1, 1, false, false, three));
  const std::vector<float> tiles = train(20, 40, 2, 1, false, false, three);  // two a block
  sim::set_order(sim::Order::random, 3);
  const std::vector<float> random = train(20, 40, 2, 2, false, false, three);
  sim::set_order(sim::Order::forward);
  CHECK(random == tiles);
}

#ifdef KANTOR_SIM_RACES
TEST_CASE("sim: the products of a training on tensor cores read shared memory without a bank conflict") {
  using sim::traffic::Kind;
  using sim::traffic::Space;
  // Tiles of each size.
  for (const auto& [width, batch] : {std::pair{20, 17}, {20, 3}, {70, 5}, {70, 2}, {132, 2}}) {
    INFO("width " << width << ", batch " << batch);
    sim::traffic::start();
    train(width, batch, 1, 1, true, false, Arithmetic::three_tf32);
    const auto rows = sim::traffic::stop();
    const auto reads = total(rows, "mlp_training_kernel", Space::shared, Kind::read, "tensor_row_product.h");
    CHECK(reads.accesses > 0);
    CHECK(reads.transactions.taken == reads.transactions.fewest);
    // The patches of weight gradients: whole sectors.
    const auto factors = total(rows, "mlp_training_kernel", Space::global, Kind::read, "tensor_patch.h");
    CHECK(factors.accesses > 0);
    CHECK(factors.transactions.taken == factors.transactions.fewest);
  }
}

TEST_CASE("sim: what a training's blocks exchange, with clusters and without") {
  using sim::traffic::Kind;
  using sim::traffic::Row;
  using sim::traffic::Space;
  const auto count = [](int team, int cluster, bool multicast = false) {
    sim::traffic::start();
    train(20, 9, team, cluster, false, multicast);
    return sim::traffic::stop();
  };
  const auto of = [](const std::vector<Row>& rows, Space space, Kind kind, const char* file) {
    return total(rows, "mlp_training_kernel", space, kind, file);
  };
  constexpr int64_t models = 2, critic = 2 * 20 + 20 + 20 * 17 + 17 + 17 + 1, generator = 3 * 20 + 20 + 20 * 2 + 2;
  const auto apart = count(8, 1), clusters = count(8, 4), one = count(8, 8), alone = count(1, 1),
             together = count(8, 4, true);
  // Both networks twice an iteration; a team that is one cluster, or one block, does not load the critic after its
  // update.
  const auto loaded = [&](const std::vector<Row>& rows) {
    return of(rows, Space::global, Kind::read, "resident_network.h").bytes / models / 4;
  };
  CHECK(loaded(apart) == 8 * (2 * generator + 2 * critic));
  CHECK(loaded(clusters) == 8 * (2 * generator + 2 * critic));
  CHECK(loaded(one) == 8 * (2 * generator + critic));
  CHECK(loaded(alone) == 2 * generator + critic);
  // Where the blocks of a cluster load together, it reads the matrix between the hidden layers once, and each block the
  // rest; what a block writes into the others is what they read less.
  constexpr int64_t matrix = 20 * 17;
  const auto shared_rows = of(together, Space::global, Kind::read, "cluster_load.h").bytes / models / 4;
  CHECK(shared_rows == 2 * 2 * matrix);
  CHECK(loaded(together) == 8 * (2 * generator + 2 * (critic - matrix)));
  CHECK(of(together, Space::peer, Kind::write, "cluster_load.h").bytes == models * 4 * 2 * 8 * matrix * 3 / 4);
  // Each new weight goes to the seven others.
  CHECK(of(one, Space::peer, Kind::write, "").bytes == models * 4 * 7 * (generator + critic));
  CHECK(of(apart, Space::peer, Kind::write, "").bytes == 0);
  // Two clusters arrive at a barrier where eight blocks would.
  const auto arrivals = [&](const std::vector<Row>& rows) {
    return of(rows, Space::global, Kind::atomic, "team.h").accesses;
  };
  CHECK(arrivals(apart) == 4 * arrivals(clusters));
  CHECK(arrivals(one) == 0);
}
#endif
