// Fused steps of hidden layers whose matrices go through shared memory in panels, of 129 to 256 units or, on a card of
// less memory, of 65 to 128, on `sim`: against the recorded step, and against the kernels that hold their matrices,
// whose sums have the same order; and what the shared memory of a card leaves room for.
#include "kernels/sim/simulator.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"
#include "tests/watched_runtime.h"

#include <nlohmann/json.hpp>

using namespace kantor;
using namespace kantor::testing;

namespace {

/// As small(), of few samples: each is 256 units wide here.
RunConfig wide(const std::string& constraint, int64_t width, int64_t depth = 3, int64_t batch = 6) {
  return small(constraint, width, depth, batch);
}

/// Shared memory of a block on cards of compute capability 9.0, 8.0, 8.6 and 7.5, in bytes.
constexpr size_t hopper = size_t{227} * 1024, ampere = size_t{163} * 1024, ada = size_t{99} * 1024,
                 turing = size_t{64} * 1024;

/// Copies a network's parameters to the corners of a wider one's, and zeros around them.
void embed(const Arena& from, const Arena& to) {
  for (size_t i = 0; i < from.rows().size(); ++i) {
    const Shape small_shape = from.rows()[i].shape, large_shape = to.rows()[i].shape;
    const int64_t columns = small_shape.rank() == 2 ? small_shape[1] : 1,
                  large_columns = large_shape.rank() == 2 ? large_shape[1] : 1;
    const auto values = from.tensors()[i].to_vector<float>();
    std::vector<float> embedded(static_cast<size_t>(large_shape.size()));
    for (int64_t e = 0; e < small_shape.size(); ++e) {
      embedded[static_cast<size_t>(e / columns * large_columns + e % columns)] = values[static_cast<size_t>(e)];
    }
    to.tensors()[i].assign(embedded);
  }
}

}  // namespace

TEST_CASE("fused training: one step of wide layers is the recorded step to rounding, for every constraint") {
  for (const char* constraint : {"none", "clip", "penalty", "one-sided", "r1", "r2"}) {
    INFO(constraint);
    compare_with_steps(wide(constraint, 200), 1, 2e-5);
  }
}

TEST_CASE("fused training: wide layers of every depth and of widths that no panel divides") {
  for (const int64_t depth : {1, 2, 3}) {
    INFO("depth " << depth);
    RunConfig config = wide("penalty", depth == 2 ? 256 : 129 + depth, depth, 5);
    config.critic.optimizer = "sgd";
    compare_with_steps(config, 2, 2e-5);
  }
  RunConfig uneven = wide("one-sided", 130, 3, 4);  // a wide critic, a generator that would be resident alone
  uneven.generator.width = 31;
  uneven.generator.depth = 1;
  uneven.critic.activation = uneven.generator.activation = "leaky_relu";
  uneven.z = 5;
  compare_with_steps(uneven, 2, 1e-4);
}

TEST_CASE("fused training: many steps of wide layers stay beside the recorded ones") {
  compare_with_steps(wide("penalty", 136, 2, 4), 20, 2e-3);
  compare_with_steps(wide("clip", 136, 2, 4), 20, 2e-3);
}

TEST_CASE("fused training: wide layers have the same bits in every team and order of threads") {
  const RunConfig config = wide("penalty", 160, 3, 11);
  FusedPair alone(config, 1);
  alone.run(2);
  const std::vector<float> expected = alone.bits();
  for (const int team : {2, 3, 8}) {
    FusedPair fused(config, team);
    fused.run(2);
    INFO("team of " << team);
    CHECK(fused.bits() == expected);
  }
  for (const auto order : {sim::Order::reverse, sim::Order::random}) {
    sim::set_order(order, 5);
    FusedPair fused(config, 2);
    fused.run(2);
    sim::set_order(sim::Order::forward);
    CHECK(fused.bits() == expected);
  }
}

TEST_CASE("fused training: a network that is streamed has the bits of one that is resident") {
  for (const auto& [width, arithmetic] :
       {std::pair{100, Arithmetic::float32}, {128, Arithmetic::float32}, {100, Arithmetic::three_tf32}}) {
    INFO("width " << width << ", arithmetic " << static_cast<int>(arithmetic));
    FusedPair resident(wide("penalty", width), 0, nullptr, 0, arithmetic),
        streamed(wide("penalty", 132), 0, nullptr, 0, arithmetic);
    const auto networks = {
        std::pair{&resident.critic.network().parameters(), &streamed.critic.network().parameters()},
        std::pair{&resident.generator.network().parameters(), &streamed.generator.network().parameters()}};
    for (const auto& [from, to] : networks) embed(*from, *to);
    resident.run(2);
    streamed.run(2);
    for (const auto& [from, to] : networks) {
      const Arena expected = to->like();
      embed(*from, expected);
      CHECK(to->flat().to_vector<float>() == expected.flat().to_vector<float>());
    }
  }
}

TEST_CASE("fused training: a plan takes what the shared memory of a card leaves room for") {
  struct Expected {
    int64_t layers;  // units of each
    size_t shared_bytes;
    int width, rows;
    MlpMatrices matrices;
    int stages;
  };
  constexpr auto resident = MlpMatrices::resident, streamed = MlpMatrices::streamed;
  FusedPair pairs[] = {FusedPair(small("penalty", 64, 3, 64)), FusedPair(small("penalty", 128, 3, 64)),
                       FusedPair(wide("penalty", 256, 3, 64))};
  for (const Expected& e : {Expected{64, hopper, 64, 48, resident, 0},
                            {64, ampere, 64, 48, resident, 0},
                            {64, ada, 64, 12, resident, 0},
                            {64, turing, 64, 12, resident, 0},
                            {128, hopper, 128, 24, resident, 0},
                            {128, ampere, 128, 6, resident, 0},
                            {128, ada, 128, 24, streamed, 2},
                            {128, turing, 128, 12, streamed, 2},
                            {256, hopper, 256, 24, streamed, 4},
                            {256, ampere, 256, 12, streamed, 4},
                            {256, ada, 256, 6, streamed, 2},
                            {256, turing, 0, 0, resident, 0}}) {
    INFO("layers of " << e.layers << " in " << e.shared_bytes << " bytes");
    FusedPair& pair = pairs[e.layers / 128];
    const MlpPlan plan = sim::plan_mlp_training(fused_launch(pair.model()), e.shared_bytes);
    CHECK(plan.width == e.width);
    CHECK(plan.rows == e.rows);
    CHECK(plan.matrices == e.matrices);
    CHECK(plan.stages == e.stages);
    CHECK(plan.shared_bytes <= e.shared_bytes);
    CHECK((plan.width > 0) == (sim::least_shared_bytes(fused_launch(pair.model())) <= e.shared_bytes));
  }
}

TEST_CASE("fused training: cards of less shared memory give the same bits, or the reason why not") {
  const RunConfig config = wide("penalty", 150, 3, 9);
  const std::pair<RunConfig, std::vector<size_t>> cards[] = {
      {config, {ampere, ada}},
      {wide("penalty", 100, 3, 9), {ampere, ada, turing}},  // the last two stream their matrices
      {wide("clip", 101, 3, 9), {turing}},                  // rows that do not begin at multiples of 16 bytes
      {wide("penalty", 100, 2, 9), {ada, turing}},          // the last does
      {wide("penalty", 60, 3, 9), {ampere, ada, turing}}};
  for (const auto& [trained, memories] : cards) {
    INFO("layers of " << trained.critic.width);
    FusedPair whole(trained);
    whole.run(2);
    const std::vector<float> expected = whole.bits();
    for (const size_t bytes : memories) {
      WatchedRuntime card;
      card.shared_bytes = bytes;
      FusedPair fused(trained);
      fused.run(2);
      INFO(bytes << " bytes");
      CHECK(fused.bits() == expected);
    }
  }
  WatchedRuntime card;
  card.shared_bytes = turing;
  CHECK_THROWS_WITH(FusedPair(config),
                    "fused steps: for layers of 150 units, samples of 2 numbers and noise of 2, 81 kB of shared "
                    "memory are needed, and a block has 64");
}
