// Version 6, which the engine uses (kernels/clip_update.cu): the histogram too is counted where the new weight is made,
// by integer atomics on 32 counters in the block's shared memory. Integers can be added in any order, so this does not
// harm the rule that two runs give the same bits. With that no pass reads the weights again, and a parameter costs 28
// bytes, the floor: 36 % less than the 44 of version 1. The table has **1.05** times the floor instead of **1.18**.
//
// The price is registers, **71** instead of **44**, so that a multiprocessor holds **24** warps and not **40**, and
// atomics that meet: in the count each lane of one takes its word of shared memory in a pass of its own. nvcc first
// adds lanes that have the same word (docs/kernels/index.md), so a GPU takes fewer.
//
// A launch goes as well. Up to 128 pieces, half a million parameters, the block that ends last adds the pieces of all
// tensors, and the update is one launch, against 2 tensors + 3 in version 1; larger arenas need a second launch, a
// block a tensor. (Here a last launch copies the statistics, which the engine keeps as doubles, to the ladder's
// floats.) The powers of Adam's decays, which version 1 gets from the host, come from device memory, where the last
// update left them, so that a recorded step can be repeated without the host.
//
// How the pieces are added was learned on an H100. A hundred million parameters took 1339 us there, where 28 bytes each
// take 933 us at 3 TB/s (bench/results/h100-2026-11-28/probe_own.jsonl, "adam+clip+stats"): the update itself was near
// the memory's rate, but then one block added 24,415 pieces, a thread a column of a share of them. Therefore a large
// arena has pieces of 16,384 elements, a fourth as many, and 32 warps share those of a tensor.
#include "kernels/ladder/clip_update/layout.h"
#include "kernels/ladder/rung.h"
#include "kernels/update_rules/update_rules.h"

#include <string_view>

namespace kantor::KANTOR_BACKEND {
namespace {

using ladder::clip_update::columns;

/// The engine's columns are: saturated, non-finite, largest, squares, range, bins.
__global__ void copy_statistics_kernel(const double* of_engine, float* statistics, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const int64_t tensor = i / columns, column = i % columns;
  statistics[i] = float(of_engine[tensor * update_columns + (column == 0 ? 0 : column < 3 ? column + 1 : column + 2)]);
}

constexpr int place_of_adam() {
  int place = 0;
  while (std::string_view(update_rules[place].name) != update_rule::Adam::name) ++place;
  return place;
}

void run(const ladder::Arrays& a, Stream stream) {
  const ladder::clip_update::Layout layout(a.sizes);
  double* statistics = a.workspace + layout.pieces() * update_columns;
  double* progress = statistics + layout.tensors * update_columns;
  const UpdateArrays<float> arrays{.w = a.outputs[0],
                                   .g = a.inputs[1],
                                   .first = a.outputs[1],
                                   .second = a.outputs[2],
                                   .bounds = layout.bounds(a.tables),
                                   .statistics = statistics,
                                   .partial = a.workspace,
                                   .pieces = layout.piece_table(a.tables),
                                   .piece_count = layout.pieces(),
                                   .rows = layout.tensors,
                                   .progress = {.step = reinterpret_cast<int64_t*>(progress),
                                                .powers = progress + 1,
                                                .arrived = reinterpret_cast<unsigned long long*>(progress + 4)}};
  clip_update(place_of_adam(), ladder::clip_update::settings, layout.learning_rate(a.tables),
              layout.histograms(a.tables), arrays, stream);
  const int64_t size = layout.tensors * columns;
  launch<copy_statistics_kernel>({blocks_for(size, 256), 256, 0, stream}, statistics, a.outputs[3], size);
}

KANTOR_RUNG(clip_update, 6, "the histogram in the same pass", run, .production = true);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
