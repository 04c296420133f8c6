// How many blocks train a model, on cards that the simulator is not.
#include "engine/mlp_training.h"
#include "kernels/mlp_training.h"
#include "tests/catch.h"
#include "tests/fused_pair.h"

using namespace kantor;
using namespace kantor::testing;

namespace {

/// For so many models on a card of 132 multiprocessors that each hold one block of `shared_bytes`.
int team_of(const RunConfig& config, int models, size_t shared_bytes = size_t{227} * 1024) {
  FusedPair pair(config, 1);
  MlpTraining training = fused_launch(pair.model());
  training.models = models;
  return least_loaded_team(
      training, [&](const MlpTraining& t) { return sim::plan_mlp_training(t, shared_bytes); },
      [](const MlpPlan&) { return 132; });
}

}  // namespace

TEST_CASE("fused training: a team leaves each block the fewest rows") {
  const RunConfig large = small("penalty", 128, 3, 256), little = small("penalty", 64, 3, 64);
  CHECK(team_of(large, 1) == 128);  // 2 samples a block, the smallest tile; 132 blocks have no fewer
  CHECK(team_of(large, 8) == 16);   // 16 samples, two tiles of 8
  CHECK(team_of(large, 18) == 7);   // 37 samples, five tiles, where 4 blocks have eight
  CHECK(team_of(large, 10) == 12);  // three tiles with 11 to 13 blocks: clusters divide 12
  CHECK(team_of(large, 132) == 1);
  CHECK(team_of(large, 1000) == 1);  // more models than blocks: they take turns
  CHECK(team_of(little, 1) == 16);   // 4 samples a block; more blocks have no smaller tile
}
