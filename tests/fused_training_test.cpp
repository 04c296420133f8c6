// Steps fused into one launch against the recorded step, on `sim`: losses, weights, optimizer state and average, for
// every constraint, architecture and rule that the kernel takes; the same bits for every team.
#include "models/training/fused_training.h"

#include "engine/random.h"
#include "kernels/sim/simulator.h"
#include "models/data/open_dataset.h"
#include "models/files/npy.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"
#include "tests/paths.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace kantor;
using namespace kantor::testing;

TEST_CASE("fused training: the kernel draws the data that the host draws, to the bit") {
  for (const char* kind : {"gaussians8", "gaussians25", "swissroll"}) {
    RunConfig config = small("penalty", 16, 2, 21);
    config.data.kind = kind;
    config.seed = 1234567890123;
    FusedPair inside(config, 2), given(config, 1, unknown(open_dataset(config.data)));
    CHECK(drawn_inside(*inside.data));
    CHECK_FALSE(drawn_inside(*given.data));
    INFO(kind);
    for (int launch = 0; launch < 2; ++launch) {
      inside.run(2);
      given.run(2);
      CHECK(inside.bits() == given.bits());
    }
  }
}

TEST_CASE("fused training: one step is the recorded step to rounding, for every constraint") {
  for (const char* constraint : {"none", "clip", "penalty", "one-sided", "r1", "r2"}) {
    INFO(constraint);
    compare_with_steps(small(constraint), 1, 2e-5);
  }
}

TEST_CASE("fused training: the networks of the golden cases take the step of the engine's ops") {
  for (const char* name : {"mlp_relu_two_sided", "mlp_leaky_one_sided"}) {
    INFO(name);
    const std::filesystem::path folder = source_folder() / "tests" / "golden" / name;
    std::ifstream in(folder / "case.json");
    const nlohmann::json layers = nlohmann::json::parse(in)["layers"];
    const int64_t features = layers[0]["in"].get<int64_t>();
    RunConfig config = small(std::string(name).find("one_sided") == std::string::npos ? "penalty" : "one-sided", 24, 2);
    config.critic_steps = 1;
    config.critic.optimizer = "sgd";
    config.critic.learning_rate = 0.1;
    const std::vector<float> real = [&] {
      HostRandom random(8, 1);
      std::vector<float> values(static_cast<size_t>(config.batch * features));
      for (float& x : values) x = static_cast<float>(random.normal());
      return values;
    }();
    const nlohmann::json generator_layers = {{{"type", "linear"}, {"in", 2}, {"out", 24}},
                                             {{"type", layers[1]["type"]}, {"slope", layers[1].value("slope", 0.2)}},
                                             {{"type", "linear"}, {"in", 24}, {"out", features}}};
    struct Pair {
      Critic critic;
      Generator generator;
    };
    const auto make = [&] {
      nlohmann::json generator = generator_layers;
      if (generator[1]["type"] == "relu") generator[1].erase("slope");
      Pair pair{{layers, {features}, critic_options(config, simulator)},
                {generator, config.z, generator_options(config, simulator)}};
      for (const auto& row : pair.critic.network().parameters().rows()) {
        const Tensor value = read_npy(folder / fmt::format("param.{}.npy", row.name));
        const auto place = static_cast<size_t>(pair.critic.network().parameters().find(row.name));
        pair.critic.network().parameters().tensors()[place].assign(value.to_vector<float>());
      }
      return pair;
    };
    Pair fused = make(), by_ops = make();
    const DatasetPtr data = unknown(open_dataset(config.data));
    FusedTraining training({{&config, data.get(), &fused.critic, &fused.generator}}, simulator, {Fused::on, 2});
    training.run(1, {{0, real}});

    const auto seed = static_cast<uint64_t>(config.seed);
    const Tensor counter = from_host(std::vector<int64_t>{1}, {}, {DType::int64, simulator});
    const Tensor noise = normal({config.batch, 2}, seed, stream_critic_noise, counter);
    CriticBatch batch{from_host(real, {config.batch, features}, {DType::float32, simulator}),
                      by_ops.generator(noise).detach(),
                      {},
                      {},
                      {seed, stream_eps, counter, 0}};
    by_ops.critic.update(batch);
    by_ops.generator.update(by_ops.critic, normal({config.batch, 2}, seed, stream_generator_noise, counter));
    CHECK(difference(fused.critic.network().parameters(), by_ops.critic.network().parameters()) <= 2e-6);
    CHECK(difference(fused.generator.network().parameters(), by_ops.generator.network().parameters()) <= 2e-5);
  }
}

TEST_CASE("fused training: many steps stay beside the recorded ones") {
  // Adam turns rounding of tiny gradients into steps of up to the learning rate, and a ReLU may change sides.
  compare_with_steps(small("penalty"), 20, 2e-3);
  compare_with_steps(small("clip"), 20, 2e-3);
}

TEST_CASE("fused training: widths, depths, batches, activations and update rules") {
  for (const int64_t depth : {1, 2, 3}) {
    INFO("depth " << depth);
    RunConfig ragged = small("penalty", 40, depth, 21);  // 1 / 21 is rounded, so recorded biases move that need not
    ragged.critic.optimizer = "sgd";
    compare_with_steps(ragged, 2, 2e-5);
  }
  RunConfig wide = small("penalty", 100, 2, 16);
  wide.generator.width = 128;
  wide.critic.activation = wide.generator.activation = "leaky_relu";
  wide.z = 5;
  compare_with_steps(wide, 1, 2e-5);
  RunConfig uneven = small("one-sided", 64, 3, 8);
  uneven.generator.width = 31;
  uneven.generator.depth = 1;
  uneven.data.kind = "swissroll";
  compare_with_steps(uneven, 2, 1e-4);
  for (const std::string& rule : optimizer_names()) {
    INFO(rule);
    RunConfig config = small("clip", 16, 2, 16);
    config.critic.optimizer = rule;
    config.critic.weight_decay = 0.1;
    config.generator.initialization = config.critic.initialization = "pytorch";  // biases that are not 0
    config.ema_decay = 0;
    compare_with_steps(config, 3, 1e-4);
  }
}

TEST_CASE("fused training: every team, in clusters or not, and every order of threads, gives the same bits") {
  for (const int64_t width : {24, 72}) {
    const RunConfig config = small("penalty", width, 3, 32);
    FusedPair alone(config, 1);
    alone.run(2);
    const std::vector<float> expected = alone.bits();
    for (const auto& [team, cluster] : {std::pair{2, 1},
                                        {2, 2},
                                        {3, 1},
                                        {3, 3},
                                        {4, 4},
                                        {8, 1},
                                        {8, 2},
                                        {8, 8},
                                        {16, 1},
                                        {16, 8},
                                        {32, 4},
                                        {32, 8}}) {
      FusedPair fused(config, team, nullptr, cluster);
      fused.run(2);
      INFO("width " << width << ", team of " << team << " in clusters of " << cluster);
      CHECK(fused.bits() == expected);
    }
    for (uint64_t seed = 0; seed < 2; ++seed) {
      sim::set_order(seed == 0 ? sim::Order::reverse : sim::Order::random, seed);
      for (const int cluster : {1, 2, 4}) {
        FusedPair fused(config, 4, nullptr, cluster);
        fused.run(2);
        INFO("width " << width << ", order " << seed << ", clusters of " << cluster);
        CHECK(fused.bits() == expected);
      }
      sim::set_order(sim::Order::forward);
    }
  }
  CHECK(FusedPair(small("clip"), 16).training.cluster() == 8);
  CHECK(FusedPair(small("clip"), 6).training.cluster() == 2);
  CHECK(FusedPair(small("clip"), 3).training.cluster() == 1);
  CHECK_THROWS_AS(FusedPair(small("clip"), 6, nullptr, 4), KernelError);
}

TEST_CASE("fused training: clusters whose blocks load weights together have the bits of those that do not") {
  const auto trained = [](const RunConfig& config, const FusedOptions& options, bool multicasts) {
    FusedPair fused(config, options);
    CHECK(fused.training.multicast() == multicasts);
    for (const int64_t steps : {1, 2}) fused.run(steps);
    return fused.bits();
  };
  const auto together = [](int team, int cluster) {
    return FusedOptions{.fused = Fused::on, .team = team, .cluster = cluster, .multicast = true};
  };
  for (const int64_t width : {24, 64, 72}) {
    RunConfig config = small("penalty", width, 3, 32);
    config.generator.depth = 2;  // another shape in the same place
    config.generator.width = width - 4;
    const std::vector<float> expected = trained(config, {Fused::on, 1, 1}, false);
    for (const auto& [team, cluster] : {std::pair{4, 2}, {6, 3}, {16, 8}}) {
      for (const sim::Order order : {sim::Order::forward, sim::Order::reverse, sim::Order::random}) {
        if (width > 24 && (order != sim::Order::random || team == 4)) continue;
        sim::set_order(order, 2);
        INFO("width " << width << ", team of " << team << " in clusters of " << cluster);
        CHECK(trained(config, together(team, cluster), true) == expected);
        sim::set_order(sim::Order::forward);
      }
    }
  }
  // Each block loads for itself: rows that are no multiples of 4 floats, a team that is one cluster or has none, no
  // matrices between hidden layers, or matrices that go through shared memory.
  RunConfig ragged = small("clip", 22, 3, 16);
  CHECK(trained(ragged, together(8, 2), false) == trained(ragged, {Fused::on, 8, 2}, false));
  RunConfig one_ragged = small("clip", 24, 3, 16);
  one_ragged.generator.width = 21;
  CHECK(trained(one_ragged, together(8, 2), false) == trained(one_ragged, {Fused::on, 8, 2}, false));
  for (const int cluster : {1, 8}) trained(small("clip"), together(8, cluster), false);
  trained(small("clip", 24, 1), together(8, 2), false);
  trained(small("clip", 132, 2, 8), together(4, 2), false);
}

TEST_CASE("fused training: launches of any length give the same bits") {
  const RunConfig config = small("penalty");
  FusedPair whole(config), pieces(config);
  whole.run(5);
  for (const int64_t steps : {1, 3, 1}) pieces.run(steps);
  CHECK(pieces.bits() == whole.bits());
}

TEST_CASE("fused training: models side by side have the bits of their single runs") {
  RunConfig configs[] = {small("penalty"), small("clip"), small("r1")};
  configs[1].seed = 9;
  configs[1].critic.optimizer = "rmsprop";
  configs[2].critic.learning_rate = 3e-4;
  configs[2].ema_decay = 0.5;
  std::vector<std::unique_ptr<FusedPair>> alone;
  for (const RunConfig& config : configs) {
    alone.push_back(std::make_unique<FusedPair>(config));
    alone.back()->run(2);
  }
  for (const int team : {1, 4}) {
    std::vector<std::unique_ptr<FusedPair>> fresh;
    std::vector<FusedModel> again;
    for (const RunConfig& config : configs) {
      fresh.push_back(std::make_unique<FusedPair>(config));
      again.push_back(fresh.back()->model());
    }
    FusedTraining training(again, simulator, {Fused::on, team});
    const auto outcomes = training.run(2, std::vector<FusedInput>(3));
    for (size_t m = 0; m < 3; ++m) {
      INFO("model " << m << ", team of " << team);
      CHECK(outcomes[m].done == 2);
      CHECK(fresh[m]->bits() == alone[m]->bits());
    }
  }
}

TEST_CASE("fused training: a launch ends after the first step that is not finite") {
  RunConfig config = small("none");
  config.critic.optimizer = "sgd";
  config.critic.learning_rate = 1e12;
  FusedPair fused(config);
  const MlpOutcome outcome = fused.run(20);
  CHECK(outcome.done >= 1);
  CHECK(outcome.done < 20);
  Trainer trainer(config, open_dataset(config.data), simulator);
  int64_t step = 0;
  try {
    while (step < 20) {
      ++step;
      trainer.step();
    }
  } catch (const NonFiniteError&) {
  }
  CHECK(outcome.done == step);
  const float loss = outcome.losses[static_cast<size_t>(4 * (outcome.done - 1))];
  CHECK_THROWS_AS(
      fused.critic.trainable().check_finite(outcome.done, loss, fused.critic.trainable().optimizer().statistics()),
      NonFiniteError);
}

TEST_CASE("fused training: a unit that is on for every row has a bias gradient of exactly 0") {
  for (const char* activation : {"relu", "leaky_relu"}) {
    RunConfig config = small("none", 8, 1, 21);
    config.critic.activation = activation;
    FusedPair fused(config);
    const Arena& parameters = fused.critic.network().parameters();
    const auto values = [&](const char* row) {
      return parameters.tensors()[static_cast<size_t>(parameters.find(row))];
    };
    values("0.bias").assign(std::vector<float>(8, 100.0F));
    const auto last = values("2.bias").to_vector<float>();
    fused.run(3);
    INFO(activation);
    CHECK(values("0.bias").to_vector<float>() == std::vector<float>(8, 100.0F));
    CHECK(values("2.bias").to_vector<float>() == last);
  }
}
