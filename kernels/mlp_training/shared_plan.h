// What a block keeps in shared memory: a network, a tile's arrays or the scratch of weight gradients in the same place,
// the update rule and flags, and a tile's small arrays. For kernel files.
#pragma once

#include "kernels/mlp_training/row_tile.h"
#include "kernels/mlp_training/weight_update.h"

namespace kantor::KANTOR_BACKEND {

/// Floats of a block's shared memory, in order.
template <int width, int tile_rows>
struct SharedPlan {
  using Tile = RowTile<width, tile_rows>;
  /// Large patches where the tiles are large: then a block owns several.
  static constexpr bool large_patches = tile_rows >= 24;
  static constexpr int scratch = WeightUpdate<width>::scratch_floats(large_patches ? 8 : 4);
  static constexpr int misc = 32;  // the update rule, and flags

  KANTOR_FUNCTION static int network(const MlpTraining& t) {
    const int critic = ResidentNetwork<width>::floats(t.critic),
              generator = t.generator.count > 0 ? ResidentNetwork<width>::floats(t.generator) : 0;
    return critic > generator ? critic : generator;
  }
  KANTOR_FUNCTION static int big(const MlpTraining& t) {
    return Tile::big_floats(t) > scratch ? Tile::big_floats(t) : scratch;
  }
  KANTOR_FUNCTION static size_t bytes(const MlpTraining& t) {
    return sizeof(float) * size_t(network(t) + big(t) + misc + Tile::floats(t));
  }
};

}  // namespace kantor::KANTOR_BACKEND
