// Version 2: the clip moves into the update. The new weight is clipped while it is in a register, before it is written
// for the first time, so that the pass for the clip alone is gone: 8 bytes a parameter, its read and its write, and one
// launch a tensor. Left are 28 + 4 + 4 = 36 bytes a parameter and tensors + 3 launches: **1.47** times the floor
// instead of **1.76**, and **7** launches instead of **11**. The comparison costs two instructions, which no one will
// notice beside 28 bytes.
//
// This is the whole price of weight clipping in a WGAN, then: nothing but those two instructions, where a clip that is
// a step of its own costs another 8 bytes for each of the critic's weights.
#include "kernels/ladder/clip_update/statistics.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using Update = update_rule::Adam::Update<float>;

constexpr int threads = 256;

__global__ void fused_update_kernel(Update updated, float* w, const float* g, float* first, float* second, float bound,
                                    int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
  if (i >= n) return;
  const float moved = updated(w[i], g[i], first[i], second[i]);
  w[i] = moved > bound ? bound : moved < -bound ? -bound : moved;  // NaN compares false and stays
}

void run(const ladder::Arrays& a, Stream stream) {
  const ladder::clip_update::Layout layout(a.sizes);
  const Update updated(ladder::clip_update::settings, ladder::clip_update::first_update);
  for (int64_t t = 0; t < layout.tensors; ++t) {
    const int64_t at = t * layout.apart();
    launch<fused_update_kernel>({blocks_for(layout.elements, threads), threads, 0, stream}, updated, a.outputs[0] + at,
                                a.inputs[1] + at, a.outputs[1] + at, a.outputs[2] + at,
                                float(ladder::clip_update::bound_of(t)), layout.elements);
  }
  count_numbers(layout, a.outputs[0], a.tables, a.workspace, stream);
  count_histograms(layout, a.outputs[0], a.tables, a.workspace, stream);
  add_statistics(layout, a.workspace, a.outputs[3], stream);
}

KANTOR_RUNG(clip_update, 2, "the clip inside the update", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
