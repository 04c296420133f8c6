// The kernels that are compiled: a padded width, a tile's rows and how a block has the matrices each. For kernel files.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/backend.h"
#include "kernels/mlp_training.h"

namespace kantor::KANTOR_BACKEND {

/// A tile has many rows where a block has many samples: then a weight that is read serves more of them. Widths
/// ascend; of each those that hold their matrices come first, and of these the largest tile. Matrices of 128 x 128 are
/// streamed where they do not fit, as two of them in 99 kB; those of 64 x 64 fit wherever a block has 64 kB.
// clang-format off
#define KANTOR_MLP_KERNELS(X)                                         \
  X(64, 48, resident) X(64, 24, resident) X(64, 12, resident)         \
  X(128, 24, resident) X(128, 12, resident) X(128, 6, resident)       \
  X(128, 24, streamed) X(128, 12, streamed) X(128, 6, streamed)       \
  X(256, 24, streamed) X(256, 12, streamed) X(256, 6, streamed)
// clang-format on

/// Starts one of them; defined in start.h, and compiled in a file a width, way of the matrices and arithmetic: float32,
/// or three_tf32, for GPUs with tensor cores.
template <int width, int rows, MlpMatrices matrices, Arithmetic arithmetic>
struct MlpKernel {
  static int resident(size_t shared_bytes, unsigned cluster);
  static void start(const MlpTraining& t, const MlpPlan& plan, const MlpModel* models, float* workspace,
                    const MlpCounters& counters, Stream stream);
};

}  // namespace kantor::KANTOR_BACKEND
