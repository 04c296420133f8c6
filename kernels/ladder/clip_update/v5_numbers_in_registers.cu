// Version 5: the three numbers are counted where the new weight is made. Each thread keeps in registers how many of its
// weights were at the bound, the largest |w| and the sum of squares (in double, since it may have many terms); when its
// piece is done, the block adds them, by shuffles within the warps and through shared memory between them, and writes
// three numbers. The pass that read all weights again for them is gone: 4 bytes a parameter and a launch. Left are 28 +
// 4 = 32 bytes a parameter, the last 4 for the histogram, and **3** launches instead of **4**: **1.18** times the floor
// instead of **1.34**.
//
// It costs some five instructions a parameter and 4 barriers a block; a block has 4096 or 16,384 parameters, so that is
// one barrier for a thousand parameters or more. The sums are added in the order of threads, warps and pieces, which is
// the same in every run.
#include "kernels/ladder/clip_update/numbers.h"
#include "kernels/ladder/clip_update/statistics.h"
#include "kernels/ladder/rung.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using Update = update_rule::Adam::Update<float>;

constexpr int threads = 256, width = Pack<float>::width;

__global__ void counting_update_kernel(Update updated, float* w, const float* g, float* first, float* second,
                                       const UpdatePiece* pieces, const double* bounds, double* partial) {
  __shared__ NumbersOfWarps warps;
  const UpdatePiece piece = pieces[blockIdx.x];
  const float bound = float(bounds[piece.row]);
  Numbers mine;
  const auto one = [&](float& weight, float gradient, float& m, float& v) {
    const float moved = updated(weight, gradient, m, v);
    weight = moved > bound ? bound : moved < -bound ? -bound : moved;
    mine.count(weight, bound);
  };
  const int64_t end = piece.begin + piece.size;
  for (int64_t at = piece.begin + threadIdx.x * width; at < end; at += threads * width) {
    if (at + width <= end) {
      Pack<float> weights = load_pack(w + at), m = load_pack(first + at), v = load_pack(second + at);
      const Pack<float> gradient = load_pack(g + at);
      for (int k = 0; k < width; ++k) one(weights.v[k], gradient.v[k], m.v[k], v.v[k]);
      store_pack(w + at, weights);
      store_pack(first + at, m);
      store_pack(second + at, v);
    } else {
      for (int64_t i = at; i < end; ++i) one(w[i], g[i], first[i], second[i]);
    }
  }
  keep_numbers(mine, warps, partial + int64_t(blockIdx.x) * ladder::clip_update::columns);
}

void run(const ladder::Arrays& a, Stream stream) {
  const ladder::clip_update::Layout layout(a.sizes);
  const Update updated(ladder::clip_update::settings, ladder::clip_update::first_update);
  launch<counting_update_kernel>({blocks_for(layout.pieces(), 1), threads, 0, stream}, updated, a.outputs[0],
                                 a.inputs[1], a.outputs[1], a.outputs[2], layout.piece_table(a.tables),
                                 layout.bounds(a.tables), a.workspace);
  count_histograms(layout, a.outputs[0], a.tables, a.workspace, stream);
  add_statistics(layout, a.workspace, a.outputs[3], stream);
}

KANTOR_RUNG(clip_update, 5, "three of the statistics in registers", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
