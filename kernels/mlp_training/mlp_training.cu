// Which kernel trains, and with what memory.
#include "kernels/mlp_training.h"
#include "kernels/mlp_training/kernels.h"
#include "kernels/mlp_training/network_layout.h"
#include "kernels/mlp_training/shared_plan.h"

#include <algorithm>
#include <string>

namespace kantor::KANTOR_BACKEND {

namespace {

/// The narrowest kernel that holds the hidden layers; 0 where a network has none, or too many layers or units.
int padded_width(const MlpTraining& t) {
  int widest = 0;
  for (const MlpShape* shape : {&t.critic, &t.generator}) {
    if (shape == &t.generator && shape->count == 0) continue;  // critics alone
    if (shape->count < 2 || shape->count > mlp_most_layers) return 0;
    for (int l = 0; l + 1 < shape->count; ++l) widest = std::max(widest, shape->layers[l].out);
  }
  int narrowest = 0;
#define KANTOR_CONSIDER(width_, rows_, matrices_) \
  if (narrowest == 0 && widest > 0 && widest <= width_) narrowest = width_;
  KANTOR_MLP_KERNELS(KANTOR_CONSIDER)
#undef KANTOR_CONSIDER
  return narrowest;
}

/// Calls use(MlpKernel<...>()) with the plan's kernel. Throws KernelError where it is none.
template <class Use>
void with_kernel(const MlpPlan& plan, const Use& use) {
#define KANTOR_TRY(width_, rows_, matrices_)                                                   \
  if (plan.width == width_ && plan.rows == rows_ && plan.matrices == MlpMatrices::matrices_) { \
    if (plan.arithmetic == Arithmetic::float32) {                                              \
      return use(MlpKernel<width_, rows_, MlpMatrices::matrices_, Arithmetic::float32>());     \
    }                                                                                          \
    return use(MlpKernel<width_, rows_, MlpMatrices::matrices_, Arithmetic::three_tf32>());    \
  }
  KANTOR_MLP_KERNELS(KANTOR_TRY)
#undef KANTOR_TRY
  throw KernelError("mlp_training: no kernel for hidden layers of " + std::to_string(plan.width) +
                    " units and tiles of " + std::to_string(plan.rows) + " rows; take a plan of plan_mlp_training");
}

}  // namespace

MlpPlan plan_mlp_training(const MlpTraining& t, size_t shared_bytes) {
  const int samples = (t.batch + t.team - 1) / t.team;
  if (t.arithmetic != Arithmetic::float32 && t.arithmetic != Arithmetic::three_tf32) {
    throw KernelError("mlp_training: multiplies in float32 or by three TF32 products, and in no other arithmetic");
  }
  MlpPlan plan;
  // Matrices that fit stay. From large tiles to small: the smallest that holds a block's samples at once, or the
  // largest that fits.
#define KANTOR_CONSIDER(width_, rows_, matrices_)                                                     \
  if (width_ == padded_width(t) &&                                                                    \
      (plan.width == 0 || (plan.matrices == MlpMatrices::matrices_ && rows_ / 3 >= samples))) {       \
    const MlpPlan smaller = SharedPlan<width_, rows_, MlpMatrices::matrices_>::plan(t, shared_bytes); \
    if (smaller.width > 0) plan = smaller;                                                            \
  }
  KANTOR_MLP_KERNELS(KANTOR_CONSIDER)
#undef KANTOR_CONSIDER
  return plan;
}

size_t least_shared_bytes(const MlpTraining& t) {
  size_t least = 0;  // of the last, which has the smallest tile, and panels of a matrix where it can
#define KANTOR_CONSIDER(width_, rows_, matrices_)                   \
  if (width_ == padded_width(t)) {                                  \
    using Plan = SharedPlan<width_, rows_, MlpMatrices::matrices_>; \
    least = Plan::bytes(t, Plan::stages(t, 0));                     \
  }
  KANTOR_MLP_KERNELS(KANTOR_CONSIDER)
#undef KANTOR_CONSIDER
  return least;
}

int mlp_training_blocks(const MlpPlan& plan, int cluster) {
  int blocks = 0;
  with_kernel(plan, [&](auto kernel) { blocks = kernel.resident(plan.shared_bytes, unsigned(cluster)); });
  return blocks;
}

bool mlp_training_multicasts(const MlpTraining& t, const MlpPlan& plan) {
  if (!t.multicast || t.cluster == 1 || t.team == t.cluster || plan.matrices == MlpMatrices::streamed) return false;
  bool any = false;
  for (const MlpShape* shape : {&t.critic, &t.generator}) {
    for (int l = 1; l + 1 < shape->count; ++l) {
      if (shape->layers[l].in % 4 != 0) return false;
      any = true;
    }
  }
  return any;
}

void mlp_training(const MlpTraining& t, const MlpPlan& plan, const MlpModel* models, float* workspace,
                  const MlpCounters& counters, Stream stream) {
  if (t.models == 0 || t.iterations == 0) return;
  MlpTraining training = t;
  training.multicast = mlp_training_multicasts(t, plan);
  with_kernel(plan, [&](auto kernel) { kernel.start(training, plan, models, workspace, counters, stream); });
}

}  // namespace kantor::KANTOR_BACKEND
