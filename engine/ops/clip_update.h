// The fused optimizer step as an op that writes in place. Internal to the engine.
#pragma once

#include "engine/arena.h"
#include "engine/op.h"
#include "kernels/clip_update.h"

#include <memory>
#include <vector>

namespace kantor {

/// What an update reads beside the gradients, and what it writes.
struct UpdateTensors {
  Tensor learning_rate;                  // float64 []
  Tensor step;                           // int64 [], updates done
  Tensor powers;                         // float64 [3], of the decays, and of which update; for kernels
  Tensor arrived;                        // int64 [], blocks that have ended; for kernels
  Tensor histograms;                     // int64 [], whether to take them
  Tensor pieces;                         // int64 [n, 3], UpdatePiece; for kernels
  Tensor bounds;                         // float64 [rows]; for kernels
  Tensor statistics;                     // float64 [rows, update_columns]
  std::vector<Tensor> parameters_state;  // the parameters, then the rule's state arrays, all flat
};

/// The update of one arena, prepared once: by the rule at `rule` of update_rules, or clip_only, of rows with these
/// bounds.
class ArenaUpdate {
 public:
  ArenaUpdate(int rule, const UpdateSettings& settings, const std::vector<ArenaRow>& rows, std::vector<double> bounds,
              const UpdateTensors& tensors);
  /// The same update, with its statistics in another tensor.
  [[nodiscard]] ArenaUpdate with_statistics_in(const Tensor& place) const;
  /// Recordable.
  void run(const Tensor& gradients) const;

 private:
  std::shared_ptr<const Op> op_;
  std::vector<Tensor> inputs_, targets_;  // the gradients' place among the inputs is filled by run
};

}  // namespace kantor
