// Version 1: what a program does that calls a library's operations one after the other. For each tensor a launch
// updates the weights by Adam, and another clips them; a thread takes one weight in both. The statistics follow in
// passes of their own over all weights: one for the number of weights at the bound, the largest |w| and the sum of
// squares, one for the histogram, and a small launch that adds what the blocks left (statistics.cu).
//
// An update does about 12 operations on a parameter, which is nothing beside the bytes. It must read the weight w, the
// gradient g and Adam's means m and v, and write w, m and v: 7 x 4 = 28 bytes a parameter. That is the floor of the
// whole family, because everything else concerns the new weight, which is in a register at that moment. This version
// lets it go and reads it again three times: 8 bytes for the clip (one read, one write), 4 for the numbers, 4 for the
// histogram. In all 28 + 8 + 4 + 4 = 44 bytes a parameter, and 2 tensors + 3 launches: **11** for the 4 tensors of the
// table, and **1.76** times the floor. (44 / 28 is 1.57; the rest is mostly a second read of m. It is a reference, as v
// is, and g++ must take it that writing v may have changed it.) For a hundred million parameters 44 bytes are 4.4 GB,
// 1.5 ms at the 3 TB/s of an H100; 28 would be 0.9 ms.
#include "kernels/ladder/clip_update/statistics.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using Update = update_rule::Adam::Update<float>;

constexpr int threads = 256;

__global__ void update_alone_kernel(Update updated, float* w, const float* g, float* first, float* second, int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
  if (i < n) w[i] = updated(w[i], g[i], first[i], second[i]);
}

__global__ void clamp_alone_kernel(float* w, float bound, int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
  if (i >= n) return;
  const float moved = w[i];
  w[i] = moved > bound ? bound : moved < -bound ? -bound : moved;  // NaN compares false and stays
}

void run(const ladder::Arrays& a, Stream stream) {
  const ladder::clip_update::Layout layout(a.sizes);
  const Update updated(ladder::clip_update::settings, ladder::clip_update::first_update);
  const unsigned blocks = blocks_for(layout.elements, threads);
  for (int64_t t = 0; t < layout.tensors; ++t) {
    const int64_t at = t * layout.apart();
    launch<update_alone_kernel>({blocks, threads, 0, stream}, updated, a.outputs[0] + at, a.inputs[1] + at,
                                a.outputs[1] + at, a.outputs[2] + at, layout.elements);
    launch<clamp_alone_kernel>({blocks, threads, 0, stream}, a.outputs[0] + at, float(ladder::clip_update::bound_of(t)),
                               layout.elements);
  }
  count_numbers(layout, a.outputs[0], a.tables, a.workspace, stream);
  count_histograms(layout, a.outputs[0], a.tables, a.workspace, stream);
  add_statistics(layout, a.workspace, a.outputs[3], stream);
}

KANTOR_RUNG(clip_update, 1, "update, then clamp, two launches a tensor", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
