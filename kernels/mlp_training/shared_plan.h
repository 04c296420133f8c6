// What a block keeps in shared memory: a network, a tile's arrays or the scratch of weight gradients in the same place,
// the update rule and flags, the last layer's weight before an update, a tile's small arrays, the panels of a network
// that streams its matrices, and, where there is room, the rule's state of the weights that the block owns. For kernel
// files.
#pragma once

#include "kernels/mlp_training/row_tile.h"
#include "kernels/mlp_training/weight_update.h"

namespace kantor::KANTOR_BACKEND {

/// Floats of a block's shared memory, in order; the same in every arithmetic.
template <int width, int tile_rows, MlpMatrices matrices, Arithmetic arithmetic = Arithmetic::float32>
struct SharedPlan {
  using Network = NetworkOf<width, matrices>;
  using Tile = RowTile<width, tile_rows, arithmetic>;
  /// Large patches where the tiles are large: then a block owns several. Wide networks have more of them.
  using Weights = WeightUpdate<Network, (tile_rows >= (width > 128 ? 12 : 24) ? 8 : 4), arithmetic>;
  static constexpr int scratch = Weights::scratch_floats;
  static constexpr int misc = 32;            // the update rule; in the last four an mbarrier, and flags
  static constexpr int last_weight = width;  // of one output

  KANTOR_FUNCTION static int network(const MlpTraining& t) {
    const int critic = Network::floats(t.critic), generator = t.generator.count > 0 ? Network::floats(t.generator) : 0;
    return critic > generator ? critic : generator;
  }
  KANTOR_FUNCTION static int big(const MlpTraining& t) {
    return Tile::big_floats(t) > scratch ? Tile::big_floats(t) : scratch;
  }
  /// Where the panels begin.
  KANTOR_FUNCTION static int panels(const MlpTraining& t) {
    return network(t) + big(t) + misc + last_weight + Tile::floats(t);
  }
  /// Where the critic's state begins; the generator's stands behind it.
  KANTOR_FUNCTION static int state(const MlpTraining& t, int stages) {
    return panels(t) + stages * Network::panel_floats;
  }
  /// Panels at a time: as many as fit, 4 or 2; 0 where nothing is streamed.
  static int stages(const MlpTraining& t, size_t shared_bytes) {
    if (Network::panel_floats == 0 || (t.critic.count <= 2 && t.generator.count <= 2)) return 0;
    return bytes(t, 4) <= shared_bytes ? 4 : 2;
  }
  /// Without state.
  static size_t bytes(const MlpTraining& t, int stages) { return sizeof(float) * size_t(state(t, stages)); }
  /// The whole plan, with the state of both networks on chip where it fits, or of the critic alone, which is updated
  /// more often. Of width 0 where not even the tile fits.
  static MlpPlan plan(const MlpTraining& t, size_t shared_bytes) {
    MlpPlan plan;
    plan.stages = stages(t, shared_bytes);
    plan.shared_bytes = bytes(t, plan.stages);
    if (plan.shared_bytes > shared_bytes) return {};
    const auto keep = [&](const MlpShape& shape) {
      const size_t more = sizeof(float) * size_t(Weights::state_floats(shape, t.team));
      const bool fits = plan.shared_bytes + more <= shared_bytes;
      if (fits) plan.shared_bytes += more;
      return fits;
    };
    plan.critic_state = keep(t.critic);
    plan.generator_state = t.generator.count > 0 && plan.critic_state && keep(t.generator);
    plan.width = width;
    plan.rows = tile_rows;
    plan.matrices = matrices;
    plan.arithmetic = t.arithmetic;
    plan.workspace = Workspace<width>::floats(t);
    return plan;
  }
};

}  // namespace kantor::KANTOR_BACKEND
