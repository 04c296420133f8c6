// The kernels that are compiled: a padded width and a tile's rows each. For kernel files.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/backend.h"
#include "kernels/mlp_training.h"

namespace kantor::KANTOR_BACKEND {

/// A tile has many rows where a block has many samples: then a weight that is read serves more of them. Widths
/// ascend, and the largest tile of each stands first.
#define KANTOR_MLP_KERNELS(X) \
  X(64, 48) X(64, 24) X(64, 12) X(128, 24) X(128, 12) X(128, 6) X(256, 24) X(256, 12) X(256, 6)

/// Starts one of them; defined in start.h, and compiled in a file a width and arithmetic: float32, or three_tf32, for
/// GPUs with tensor cores.
template <int width, int rows, Arithmetic arithmetic = Arithmetic::float32>
struct MlpKernel {
  static int resident(size_t shared_bytes, unsigned cluster);
  static void start(const MlpTraining& t, const MlpPlan& plan, const MlpModel* models, float* workspace,
                    const MlpCounters& counters, Stream stream);
};

}  // namespace kantor::KANTOR_BACKEND
