// Version 5: the next stage is copied while this one is multiplied. Shared memory holds two stages, and copies are
// asynchronous (cp.async): a thread computes where its pieces lie, starts their copies from memory straight to shared
// memory, and multiplies the other stage while they travel. A copy can be told to write zeros instead, which is what
// the edge of an image needs.
//
// Version 4 waited for memory in every step, W / 32 times in the forward pass, and its barriers made all threads wait
// for the slowest. Now one barrier a step does what two did: it says that everybody's copies have landed, and that
// everybody is done with the stage that is filled next. Copies take one instruction, not two, and no registers. Bytes,
// FLOPs and sizes are those of version 4; what is bought with **54.0** KB of shared memory instead of **27.0** is that
// their times overlap, which no count shows.
#include "kernels/ladder/conv2d/register_tile.h"
#include "kernels/ladder/conv2d/windows.h"
#include "kernels/ladder/rung.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {
namespace {

template <class Pass>
__global__ void __launch_bounds__(tile_threads, 3)
    conv_double_buffered_kernel(ConvSizes c, const float* first, const float* second, float* out) {
  const Pass pass(c, first, second, blockIdx.z);
  const int first_row = int(blockIdx.y) * tile_rows, first_column = int(blockIdx.x) * tile_columns;
  if (first_row >= pass.m) return;  // the whole block: a smaller class
  constexpr int left_floats = operand_floats<typename Pass::Left, tile_rows>;
  float* const shared = dynamic_shared<float>();
  const SharedFloats stages(shared);
  const StagePieces<typename Pass::Left, tile_rows> left(pass.left, first_row, pass.m);
  const StagePieces<typename Pass::Right, tile_columns> right(pass.right, first_column, pass.n);
  const auto fill = [&](int stage, int k0) {
    const auto copy_to = [](SharedFloats to) {
      return [to](int place, const float* from, bool inside) { copy_async<4>(to + place, from, inside); };
    };
    left.each(k0, pass.k, copy_to(stages + stage * stage_size<Pass>));
    right.each(k0, pass.k, copy_to(stages + (stage * stage_size<Pass> + left_floats)));
    commit_copies();
  };

  RegisterSums<Pass> sums;
  if (pass.k > 0) fill(0, 0);
  int stage = 0;
  for (int k0 = 0; k0 < pass.k; k0 += stage_depth) {
    await_copies<0>();
    __syncthreads();
    if (k0 + stage_depth < pass.k) fill(1 - stage, k0 + stage_depth);
    sums.multiply(shared + stage * stage_size<Pass>, shared + stage * stage_size<Pass> + left_floats);
    stage = 1 - stage;
  }
  sums.store(pass, first_row, first_column, out);
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvShape shape = ladder::conv2d::shape_of(a.sizes);
  const ConvPass pass = ladder::conv2d::pass_of(a.sizes);
  const PassSizes sizes = pass_sizes(pass, shape);
  with_pass(pass, [&](auto type) {
    using Pass = typename decltype(type)::type;
    launch<conv_double_buffered_kernel<Pass>>(
        {dim3(blocks_for(sizes.columns, tile_columns), blocks_for(sizes.rows, tile_rows), blocks_for(sizes.parts, 1)),
         tile_threads, 2 * stage_size<Pass> * sizeof(float), stream},
        conv_sizes(shape), a.inputs[0], a.inputs[1], a.outputs[0]);
  });
}

KANTOR_RUNG(conv2d, 5, "two stages, filled by asynchronous copies", run, .takes = in_fours);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
