// Starts a kernel: what the files of the widths compile.
#pragma once

#include "kernels/mlp_training/kernels.h"
#include "kernels/mlp_training/training_kernel.h"

namespace kantor::KANTOR_BACKEND {

template <int width, int rows, MlpMatrices matrices, Arithmetic arithmetic>
int MlpKernel<width, rows, matrices, arithmetic>::resident(size_t shared_bytes, unsigned cluster) {
  return resident_blocks<mlp_training_kernel<width, rows, matrices, arithmetic>>(mlp_threads, shared_bytes, cluster);
}

template <int width, int rows, MlpMatrices matrices, Arithmetic arithmetic>
void MlpKernel<width, rows, matrices, arithmetic>::start(const MlpTraining& t, const MlpPlan& plan,
                                                         const MlpModel* models, float* workspace,
                                                         const MlpCounters& counters, Stream stream) {
  const unsigned blocks = blocks_for(int64_t(t.models) * t.team, 1);
  const bool cooperative = t.team > t.cluster;  // the blocks of a cluster are resident together by themselves
  launch<mlp_training_kernel<width, rows, matrices, arithmetic>>(
      {blocks, mlp_threads, plan.shared_bytes, stream, cooperative, unsigned(t.cluster)}, t, plan, models, workspace,
      counters);
}

}  // namespace kantor::KANTOR_BACKEND
