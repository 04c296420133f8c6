// Version 7, which the engine uses (kernels/reduce.cu): two stages with a kernel each. In the first, a block adds one
// chunk of neighbouring elements, of which there are at most 1024; in the second, the chunks' sums are added by a warp,
// each of its threads a strided part in order, then the threads by shuffles. An array of at most 4096 elements is one
// chunk, and a single launch writes its result.
//
// It is not faster than version 6, and need not be: both read the elements once (**1.00** times the floor) with as many
// blocks, take 2 launches, or 1 for a small array, and nearly the same passes over shared memory (**33,320** and
// **33,456** with a million elements). A thread even loads 4 bytes at a time and not 16, so that warps make **31,504**
// accesses instead of **8,064**. Where version 6 is measured to be faster, that is the likely reason, and what the
// engine's kernel can still learn. What version 7 gains is shape. A chunk is a stretch of a row, so that one launch
// adds many rows, and a result costs the second stage a warp instead of a block. The engine needs that for sums over
// any axis of a tensor.
//
// That the second stage must be a warp, and the chunks few, was learned on an H100. There an earlier version made a
// chunk of every 4096 elements and let one thread add the chunks' sums, each addition waiting for a load and for the
// addition before it: 64 million elements took 1075 us (bench/results/h100-2026-11-28/probe_own.jsonl, "sum all"),
// which the memory brings in within 85 us at 3 TB/s.
#include "kernels/ladder/rung.h"
#include "kernels/reduce.h"

namespace kantor::KANTOR_BACKEND {
namespace {

void run(const ladder::Arrays& a, Stream stream) {
  sum_middle(a.inputs[0], a.outputs[0], 1, a.sizes[0], 1, a.workspace, stream);
}

KANTOR_RUNG(sum, 7, "two stages: chunks, then a warp", run, .production = true);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
