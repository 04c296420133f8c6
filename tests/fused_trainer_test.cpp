// A Trainer whose steps are fused: its checkpoints, how it goes on in the other way and how it ends; every reason for
// which a training is refused; and the self-check.
#include "engine/verification.h"
#include "models/data/open_dataset.h"
#include "models/training/fused_check.h"
#include "models/training/trainer.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace kantor;
using namespace kantor::testing;

TEST_CASE("fused training: what it does not take it refuses, with the reason") {
  const auto reason = [](const RunConfig& config, Device device = simulator) {
    const DatasetPtr data = open_dataset(config.data);
    Critic critic(critic_layers(config, data->sample_shape()), data->sample_shape(), critic_options(config, device));
    Generator generator(generator_layers(config, data->sample_shape()), config.z, generator_options(config, device));
    return why_not_fused({&config, data.get(), &critic, &generator}, device);
  };
  RunConfig config = small("penalty");
  CHECK(reason(config).empty());
  CHECK(reason(config, Device{}) == "the CPU has no kernels");
  config.loss = "hinge";
  CHECK(reason(config) == "the loss is hinge");
  config = small("dragan");
  CHECK(reason(config) == "the constraint is dragan");
  config = small("r1+r2");
  CHECK(reason(config) == "the constraint is r1+r2");
  config = small("spectral");
  CHECK(reason(config) == "the constraint is spectral");
  config = small("penalty", 24, 4);
  CHECK(reason(config) == "the critic has more than 3 hidden layers");
  config = small("penalty", 257);
  CHECK(reason(config) == "a hidden layer of the critic has 257 units, and at most 256 fit");
  config = small("penalty");
  config.critic.norm = "layer";
  CHECK(reason(config) == "layer 1 of the critic is layer_norm");
  config = small("penalty");
  config.generator.norm = "batch";
  CHECK(reason(config) == "layer 1 of the generator is batch_norm");
  config = small("penalty");
  config.generator.activation = "tanh";
  CHECK(reason(config) == "layer 1 of the generator is tanh");
  config = small("penalty");
  config.z = 2000;
  CHECK(reason(config) ==
        "for layers of 24 units, samples of 2 numbers and noise of 2000, 772 kB of shared memory are "
        "needed, and a block has 227");
  config = small("dragan");
  CHECK_THROWS_WITH(FusedPair(config), "fused steps: the constraint is dragan");
}

TEST_CASE("fused training: a trainer's steps, its checkpoint, and how it ends") {
  RunConfig config = small("penalty");
  const DatasetPtr data = open_dataset(config.data);
  const auto bits = [](const Trainer& trainer) {
    std::vector<std::vector<float>> all;
    for (const auto& [name, tensor] : trainer.checkpoint().tensors) all.push_back(tensor.to_vector<float>());
    return all;
  };
  Trainer whole(config, data, simulator, true, {Fused::automatic});
  CHECK(whole.fused_team() == 1);
  CHECK(whole.why_not_fused().empty());
  whole.steps(4);
  CHECK(whole.steps_done() == 4);
  Trainer stopped(config, data, simulator, true, {Fused::on, 2});
  CHECK(stopped.fused_team() == 2);
  stopped.steps(3);
  const TensorFile checkpoint = stopped.checkpoint();
  CHECK(checkpoint.metadata.at("kantor.steps") == "fused");
  Trainer resumed(config, data, simulator, true, {Fused::on});
  resumed.restore(checkpoint);
  resumed.step();
  CHECK(bits(resumed) == bits(whole));

  Trainer recorded(config, data, simulator);  // goes on to rounding where fused steps stopped
  recorded.restore(checkpoint);
  recorded.step();
  CHECK(recorded.checkpoint().metadata.at("kantor.steps") == "recorded");
  CHECK(difference(recorded.critic().network().parameters(), whole.critic().network().parameters()) < 1e-4);
  CHECK(std::fabs(recorded.losses().critic_loss - whole.losses().critic_loss) < 1e-3);

  config.critic.norm = "layer";
  Trainer other(config, data, simulator, true, {Fused::automatic});
  CHECK(other.fused_team() == 0);
  CHECK(other.why_not_fused() == "layer 1 of the critic is layer_norm");
  CHECK_THROWS_WITH(Trainer(config, data, simulator, true, {Fused::on}),
                    "steps cannot be fused, because layer 1 of the critic is layer_norm; take --fused auto or off");
  CHECK_THROWS_AS(Trainer(small("clip"), data, Device{}, true, {Fused::on}), ConfigError);
  CHECK_THROWS_AS(parse_fused("maybe"), Error);

  config = small("none");
  config.critic.optimizer = "sgd";
  config.critic.learning_rate = 1e12;
  Trainer diverging(config, data, simulator, true, {Fused::on});
  CHECK_THROWS_AS(diverging.steps(20), NonFiniteError);
}

TEST_CASE("fused training: the self-check passes on the simulator") {
  for (const FusedPart part : all_fused_parts) {
    INFO(name_of(part));
    CHECK(fused_training_finding(simulator, part, true).empty());
  }
}

TEST_CASE("fused training: where clusters have a finding, steps are fused without them") {
  const RunConfig config = small("penalty");
  const auto plant = [](FusedPart part, const std::string& finding) {
    remembered_finding(
        simulator, name_of(part), [&] { return finding; }, true);
  };
  const auto clusters = [&] {
    FusedPair pair(config, 16);
    const FusedChoice choice = choose_fused(pair.model(), simulator, {Fused::automatic, 8}, true);
    REQUIRE(choice.training);
    return std::pair(pair.training.cluster(), choice.training->cluster());
  };
  CHECK(clusters() == std::pair(8, 8));
  plant(FusedPart::clusters, "weights differ");
  CHECK(clusters() == std::pair(1, 1));
  CHECK(FusedPair(config, 16, nullptr, 4).training.cluster() == 4);  // as the check itself asks for
  CHECK(Trainer(config, open_dataset(config.data), simulator, true, {Fused::automatic}).fused_team() == 1);
  plant(FusedPart::clusters, "");
  CHECK(clusters() == std::pair(8, 8));
  plant(FusedPart::blocks, "weights differ");
  Trainer recorded(config, open_dataset(config.data), simulator, true, {Fused::automatic});
  plant(FusedPart::blocks, "");
  CHECK(recorded.fused_team() == 0);
  CHECK(recorded.why_not_fused() == "weights differ");
}
