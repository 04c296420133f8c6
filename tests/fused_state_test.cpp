// The optimizer's state on chip over a launch of fused steps, where the plan has room, against the same steps with the
// state in device memory: equal bits for every rule, team and length of a launch, also of one that ends early.
#include "engine/optimizer.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"
#include "tests/watched_runtime.h"

#include <cstring>
#include <utility>

using namespace kantor;
using namespace kantor::testing;

namespace {

constexpr size_t hopper = size_t{227} * 1024;

MlpPlan plan_of(const RunConfig& config, int team, size_t shared_bytes = hopper) {
  FusedPair pair(config, 1);
  MlpTraining training = fused_launch(pair.model());
  training.team = team;
  return sim::plan_mlp_training(training, shared_bytes);
}

/// The bits of a pair after these launches, on a card with so much shared memory.
std::vector<uint32_t> train(const RunConfig& config, int team, size_t shared_bytes,
                            const std::vector<int64_t>& launches, int64_t expected) {
  WatchedRuntime card;
  card.shared_bytes = shared_bytes;
  FusedPair pair(config, team);
  int64_t done = 0;
  for (const int64_t steps : launches) done += pair.run(steps).done;
  CHECK(done == expected);
  const std::vector<float> values = pair.bits();
  std::vector<uint32_t> bits(values.size());
  std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  return bits;
}

/// Compares the steps with both states on chip, with the critic's alone and with none.
void compare(const RunConfig& config, int team, const std::vector<int64_t>& launches, int64_t expected) {
  const MlpPlan both = plan_of(config, team);
  const MlpPlan critic = plan_of(config, team, both.shared_bytes - 1);
  const MlpPlan none = plan_of(config, team, critic.shared_bytes - 1);
  REQUIRE((both.critic_state && both.generator_state));
  REQUIRE((critic.critic_state && !critic.generator_state));
  REQUIRE((!none.critic_state && !none.generator_state));
  REQUIRE((critic.rows == both.rows && none.rows == both.rows && none.stages == both.stages));
  const auto in_device_memory = train(config, team, none.shared_bytes, {expected}, expected);
  CHECK(train(config, team, both.shared_bytes, launches, expected) == in_device_memory);
  CHECK(train(config, team, critic.shared_bytes, launches, expected) == in_device_memory);
}

}  // namespace

TEST_CASE("fused training: state on chip has the bits of state in device memory, for every rule") {
  for (const std::string& rule : optimizer_names()) {
    INFO(rule);
    RunConfig config = small("penalty", 20, 2, 8);
    config.critic.optimizer = rule;
    config.generator.optimizer = rule == "adam" ? "rmsprop" : "adam";
    config.critic.weight_decay = 0.1;
    compare(config, 3, {1, 3, 1}, 5);
  }
}

TEST_CASE("fused training: state on chip in teams, in tiles of every size and beside streamed matrices") {
  compare(small("clip", 24, 2, 9), 1, {2}, 2);
  compare(small("clip", 24, 3, 9), 2, {2}, 2);
  compare(small("clip", 70, 3, 9), 8, {2}, 2);
  compare(small("penalty", 132, 2, 4), 16, {1, 1}, 2);
}

TEST_CASE("fused training: a launch that ends early brings the state back") {
  for (const char* rule : {"adam", "rmsprop"}) {
    INFO(rule);
    RunConfig config = small("none", 20, 2, 8);
    config.critic.optimizer = rule;
    config.critic.learning_rate = 1e19;
    FusedPair pair(config, 2);
    const int64_t ended = pair.run(20).done;
    REQUIRE(ended < 20);
    const MlpPlan both = plan_of(config, 2);
    const MlpPlan critic = plan_of(config, 2, both.shared_bytes - 1);
    const size_t none = plan_of(config, 2, critic.shared_bytes - 1).shared_bytes;
    CHECK(train(config, 2, both.shared_bytes, {20}, ended) == train(config, 2, none, {20}, ended));
  }
}

TEST_CASE("fused training: a plan keeps on chip the states that it has room for") {
  const auto kept = [](int64_t width, int64_t batch, int team) {
    const MlpPlan plan = plan_of(small("penalty", width, 3, batch), team);
    CHECK(plan.shared_bytes <= hopper);
    return std::pair{plan.critic_state, plan.generator_state};
  };
  const std::pair neither{false, false}, critic{true, false}, both{true, true};
  CHECK(kept(64, 64, 1) == critic);
  CHECK(kept(64, 64, 2) == both);
  CHECK(kept(128, 256, 1) == neither);
  CHECK(kept(128, 256, 8) == neither);
  CHECK(kept(128, 256, 32) == critic);
  CHECK(kept(128, 256, 64) == both);
  CHECK(kept(128, 256, 128) == both);
  CHECK(kept(256, 256, 32) == neither);
  CHECK(kept(256, 256, 64) == both);
  CHECK(kept(256, 256, 128) == both);
}
