// The kernels that are compiled: a padded width and a tile's rows each. For kernel files.
#pragma once

#include "kernels/mlp_training/training_kernel.h"

namespace kantor::KANTOR_BACKEND {

/// A tile has many rows where a block has many samples: then a weight that is read serves more of them.
#define KANTOR_MLP_KERNELS(X) X(64, 48) X(64, 24) X(64, 12) X(128, 24) X(128, 12) X(128, 6)

template <int width, int rows>
struct MlpKernel {
  static int resident_blocks(size_t shared_bytes) {
    return KANTOR_BACKEND::resident_blocks<mlp_training_kernel<width, rows>>(mlp_threads, shared_bytes);
  }
  static void start(const MlpTraining& t, const MlpPlan& plan, const MlpModel* models, float* workspace,
                    const MlpCounters& counters, Stream stream) {
    launch<mlp_training_kernel<width, rows>>(
        {blocks_for(int64_t(t.models) * t.team, 1), mlp_threads, plan.shared_bytes, stream, t.team > 1}, t, models,
        workspace, plan.workspace, counters);
  }
};

}  // namespace kantor::KANTOR_BACKEND
