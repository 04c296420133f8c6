// Version 4: one launch updates all tensors, where there was one for each. They lie behind each other in one array, and
// a table cuts them into pieces of at most 4096 elements (16,384 in an array of more than four million), none of which
// belongs to two tensors. A block takes a piece, looks up which tensor it is of, and with that its bound.
//
// The bytes stay 36 a parameter; reading the table adds 24 bytes for each piece. Saved are tensors - 1 launches: **4**
// are left instead of **7**, whatever the network. Nothing else gets better here; the table is one more thing to read
// (**1.34** times the floor instead of **1.33**). A small network is nothing but launches: one kernel that waits for
// another costs 0.92 us in a graph on an H100 and 3.9 us when the host starts it
// (bench/results/h100-2026-11-28/facts.jsonl), in which time the memory moves 2.8 or 12 MB at 3 TB/s. The critic of a
// WGAN has perhaps a dozen tensors, half of them biases of a few hundred numbers; with a launch of its own, such a bias
// occupies one multiprocessor of 132 for a microsecond. Here its piece is a block among the others, and all tensors run
// side by side.
#include "kernels/ladder/clip_update/statistics.h"
#include "kernels/ladder/rung.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using Update = update_rule::Adam::Update<float>;

constexpr int threads = 256, width = Pack<float>::width;

__global__ void all_tensors_update_kernel(Update updated, float* w, const float* g, float* first, float* second,
                                          const UpdatePiece* pieces, const double* bounds) {
  const UpdatePiece piece = pieces[blockIdx.x];
  const float bound = float(bounds[piece.row]);
  const auto one = [&](float& weight, float gradient, float& m, float& v) {
    const float moved = updated(weight, gradient, m, v);
    weight = moved > bound ? bound : moved < -bound ? -bound : moved;
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
}

void run(const ladder::Arrays& a, Stream stream) {
  const ladder::clip_update::Layout layout(a.sizes);
  const Update updated(ladder::clip_update::settings, ladder::clip_update::first_update);
  launch<all_tensors_update_kernel>({blocks_for(layout.pieces(), 1), threads, 0, stream}, updated, a.outputs[0],
                                    a.inputs[1], a.outputs[1], a.outputs[2], layout.piece_table(a.tables),
                                    layout.bounds(a.tables));
  count_numbers(layout, a.outputs[0], a.tables, a.workspace, stream);
  count_histograms(layout, a.outputs[0], a.tables, a.workspace, stream);
  add_statistics(layout, a.workspace, a.outputs[3], stream);
}

KANTOR_RUNG(clip_update, 4, "one launch for all tensors", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
