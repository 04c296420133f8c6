// Fused steps by three TF32 products on tensor cores, on `sim`: against the recorded step and, in accuracy, against
// float64 beside the float32 kernels; the same bits for every team, tile and order of threads; and what is refused.
#include "engine/error.h"
#include "engine/products.h"
#include "kernels/sim/simulator.h"
#include "models/data/open_dataset.h"
#include "models/training/random_streams.h"
#include "models/training/trainer.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"
#include "tests/watched_runtime.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace kantor;
using namespace kantor::testing;

namespace {

constexpr Arithmetic three = Arithmetic::three_tf32;

std::vector<float> bits_of(const RunConfig& config, int team, int cluster = 1, Arithmetic arithmetic = three) {
  FusedPair fused(config, team, nullptr, cluster, arithmetic);
  fused.run(2);
  return fused.bits();
}

/// How far the weights of one update of the critic, by SGD, are from the same in float64: the norm of the difference
/// over the norm of what the update changed.
double error_of(RunConfig config, Arithmetic arithmetic) {
  config.critic_steps = 1;
  config.critic.optimizer = config.generator.optimizer = "sgd";
  config.critic.learning_rate = 1;
  FusedPair fused(config, 1, nullptr, 0, arithmetic);
  CriticOptions options = critic_options(config, {});
  options.network.tensor.dtype = DType::float64;
  Critic exact(critic_layers(config, {2}), {2}, options);
  const auto before = fused.critic.network().parameters().flat().to_vector<double>();
  exact.network().parameters().flat().assign(before);
  GeneratorOptions of_generator = generator_options(config, {});
  of_generator.network.tensor.dtype = DType::float64;
  const Generator generator(generator_layers(config, {2}), config.z, of_generator);
  generator.network().parameters().flat().assign(fused.generator.network().parameters().flat().to_vector<double>());

  fused.run(1);
  const auto seed = static_cast<uint64_t>(config.seed);
  const Tensor counter = full({}, 1, {DType::int64, {}});
  const auto real = fused.data->draw(seed, stream_data, 0, config.batch);
  const Tensor noise = normal({config.batch, config.z}, seed, stream_critic_noise, counter, DType::float64);
  exact.update({from_host(real, {config.batch, 2}, {DType::float64, {}}),
                generator(noise).detach(),
                {},
                {},
                {seed, stream_eps, counter, 0}});
  const auto found = fused.critic.network().parameters().flat().to_vector<double>(),
             expected = exact.network().parameters().flat().to_vector<double>();
  double off = 0, changed = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    off += (found[i] - expected[i]) * (found[i] - expected[i]);
    changed += (expected[i] - before[i]) * (expected[i] - before[i]);
  }
  return std::sqrt(off / changed);
}

}  // namespace

TEST_CASE("fused training: by three TF32 products one step is the recorded step to rounding, for every constraint") {
  for (const char* constraint : {"none", "clip", "penalty", "one-sided", "r1", "r2"}) {
    INFO(constraint);
    compare_with_steps(small(constraint, 24, 3, 16), 1, 2e-5, three);
  }
  compare_with_steps(small("penalty", 136, 3, 5), 1, 2e-5, three);
}

TEST_CASE("fused training: by three TF32 products in layers and batches of any size") {
  // By SGD: Adam makes whole steps of gradients that are nothing but rounding.
  const auto by_sgd = [](int64_t width, int64_t depth, int64_t batch) {
    RunConfig config = small("penalty", width, depth, batch);
    config.critic.optimizer = config.generator.optimizer = "sgd";
    config.critic.learning_rate = config.generator.learning_rate = 0.1;
    return config;
  };
  for (const int64_t depth : {1, 2, 3}) {
    INFO("depth " << depth);
    compare_with_steps(by_sgd(40 + depth, depth, 21), 2, 2e-5, three);
  }
  RunConfig middle = by_sgd(100, 2, 13);
  middle.generator.width = 128;
  middle.critic.activation = middle.generator.activation = "leaky_relu";
  middle.z = 5;
  compare_with_steps(middle, 1, 2e-5, three);
  RunConfig wide = by_sgd(131, 2, 3);  // rows that do not begin at multiples of 16 bytes
  wide.generator.width = 31;
  wide.generator.depth = 1;
  compare_with_steps(wide, 1, 2e-5, three);
  compare_with_steps(by_sgd(256, 2, 4), 1, 2e-5, three);
}

TEST_CASE("fused training: by three TF32 products many steps stay beside the recorded ones") {
  compare_with_steps(small("penalty", 24, 2, 16), 20, 2e-3, three);
}

TEST_CASE("fused training: three TF32 products err as float32 does, and two would not") {
  for (const int64_t width : {64, 128, 256}) {
    double plain = 0, by_three = 0;
    for (int seed = 0; seed < 4; ++seed) {
      RunConfig config = small("penalty", width, 3, width > 128 ? 6 : 24);
      config.seed = seed;
      plain += error_of(config, Arithmetic::float32) / 4;
      by_three += error_of(config, three) / 4;
    }
    INFO("width " << width << ": float32 " << plain << ", three products " << by_three);
    CHECK(plain < 1e-6);
    CHECK(by_three <= 2 * plain);
  }
}

TEST_CASE("fused training: by three TF32 products every team and order of threads gives the same bits") {
  for (const int64_t width : {24, 72}) {
    const RunConfig config = small("penalty", width, 2, 19);
    const std::vector<float> expected = bits_of(config, 1);
    CHECK(expected != bits_of(config, 1, 1, Arithmetic::float32));
    for (const auto& [team, cluster] : {std::pair{2, 2}, {3, 1}, {8, 8}, {16, 2}, {32, 4}}) {
      INFO("width " << width << ", team of " << team << " in clusters of " << cluster);
      CHECK(bits_of(config, team, cluster) == expected);
    }
    sim::set_order(sim::Order::random, 1);
    const std::vector<float> random = bits_of(config, 4, 2);
    sim::set_order(sim::Order::forward);
    CHECK(random == expected);
  }
  const RunConfig wide = small("penalty", 160, 2, 9);
  const std::vector<float> expected = bits_of(wide, 1);
  for (const int team : {2, 5}) {
    INFO("team of " << team);
    CHECK(bits_of(wide, team) == expected);
  }
}

TEST_CASE("fused training: by three TF32 products a unit that is always on has a bias gradient of exactly 0") {
  FusedPair fused(small("none", 8, 2, 21), 1, nullptr, 0, three);
  const Arena& parameters = fused.critic.network().parameters();
  const auto bias = parameters.tensors()[static_cast<size_t>(parameters.find("2.bias"))];
  bias.assign(std::vector<float>(8, 100.0F));
  fused.run(3);
  CHECK(bias.to_vector<float>() == std::vector<float>(8, 100.0F));
}

TEST_CASE("fused training: three TF32 products are chosen, named and refused") {
  const RunConfig config = small("penalty");
  const DatasetPtr data = open_dataset(config.data);
  const ProductChoice before = products();
  CHECK(FusedOptions{}.arithmetic == Arithmetic::float32);
  set_products({.arithmetic = three});
  CHECK(FusedOptions{}.arithmetic == three);
  const Trainer asked(config, data, simulator, true, {Fused::on});
  set_products({.arithmetic = Arithmetic::tf32});  // of recorded products; fused ones are not rounded
  const Trainer other(config, data, simulator, true, {Fused::on}), recorded(config, data, simulator);
  CHECK(asked.checkpoint().metadata.at("kantor.arithmetic") == "float32 by three TF32 products");
  CHECK(other.checkpoint().metadata.at("kantor.arithmetic") == "float32");
  CHECK(recorded.checkpoint().metadata.at("kantor.arithmetic") == "TF32");
  set_products(before);

  FusedPair pair(config);
  MlpTraining training = fused_launch(pair.model());
  training.arithmetic = Arithmetic::tf32;
  CHECK_THROWS_AS(sim::plan_mlp_training(training, 1 << 20), KernelError);

  WatchedRuntime card;
  card.tensor_cores = false;
  CHECK_THROWS_WITH(FusedPair(config, 0, nullptr, 0, three),
                    "fused steps: float32 by three TF32 products: no tensor cores for it here");
  CHECK_FALSE(MlpTrainer::fits(simulator, [&] {
    training.arithmetic = three;
    return training;
  }()));
  const Trainer automatic(config, data, simulator, true, {.fused = Fused::automatic, .arithmetic = three});
  CHECK(automatic.fused_team() == 0);
  CHECK(automatic.why_not_fused() == "float32 by three TF32 products: no tensor cores for it here");
  FusedPair plain(config);
  plain.run(1);
}
