// Version 3: a thread takes four neighbouring weights and reads and writes 16 bytes at a time. The bytes are the same
// 36 a parameter, and so are the launches; what is saved is instructions. Four loads and three stores now serve four
// parameters, not one, and so do the computation of the address and the question whether the end is reached: a fourth
// of all that, with a fourth of the threads: the updates' warps make **2,212** accesses to global memory instead of
// **10,016**. The sectors fall too, from **1.47** times the floor to **1.33**, because m is now in a register when it
// is needed again.
//
// For the 10,000 weights of a tensor here, a fourth of the threads are **10** blocks instead of **40**, on 132
// multiprocessors; what is saved shows on large tensors.
//
// It also keeps more bytes on their way. Memory answers after a delay, and in that time as many bytes must have been
// asked for as it could have delivered. A thread waits for four loads before it updates. With 4 bytes each, the 2048
// threads of a full multiprocessor have asked for 32 KB; with 16 bytes, the 1536 threads for which 34 registers each
// leave room have asked for 96 KB.
//
// Such an access must begin at a multiple of 16 bytes. Each tensor begins at a multiple of 64, so only the last one to
// three weights of a tensor are taken one by one.
#include "kernels/ladder/clip_update/statistics.h"
#include "kernels/ladder/rung.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using Update = update_rule::Adam::Update<float>;

constexpr int threads = 256, width = Pack<float>::width;

__device__ float updated_and_clipped(const Update& updated, float w, float g, float& first, float& second,
                                     float bound) {
  const float moved = updated(w, g, first, second);
  return moved > bound ? bound : moved < -bound ? -bound : moved;
}

__global__ void packed_update_kernel(Update updated, float* w, const float* g, float* first, float* second, float bound,
                                     int64_t n) {
  const int64_t at = (int64_t(blockIdx.x) * threads + threadIdx.x) * width;
  if (at + width <= n) {
    Pack<float> weights = load_pack(w + at), m = load_pack(first + at), v = load_pack(second + at);
    const Pack<float> gradient = load_pack(g + at);
    for (int k = 0; k < width; ++k) {
      weights.v[k] = updated_and_clipped(updated, weights.v[k], gradient.v[k], m.v[k], v.v[k], bound);
    }
    store_pack(w + at, weights);
    store_pack(first + at, m);
    store_pack(second + at, v);
  } else {
    for (int64_t i = at; i < n; ++i) w[i] = updated_and_clipped(updated, w[i], g[i], first[i], second[i], bound);
  }
}

void run(const ladder::Arrays& a, Stream stream) {
  const ladder::clip_update::Layout layout(a.sizes);
  const Update updated(ladder::clip_update::settings, ladder::clip_update::first_update);
  for (int64_t t = 0; t < layout.tensors; ++t) {
    const int64_t at = t * layout.apart();
    launch<packed_update_kernel>({blocks_for(layout.elements, threads * width), threads, 0, stream}, updated,
                                 a.outputs[0] + at, a.inputs[1] + at, a.outputs[1] + at, a.outputs[2] + at,
                                 float(ladder::clip_update::bound_of(t)), layout.elements);
  }
  count_numbers(layout, a.outputs[0], a.tables, a.workspace, stream);
  count_histograms(layout, a.outputs[0], a.tables, a.workspace, stream);
  add_statistics(layout, a.workspace, a.outputs[3], stream);
}

KANTOR_RUNG(clip_update, 3, "16 bytes a load and a store", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
