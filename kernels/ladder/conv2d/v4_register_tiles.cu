// Version 4: 8 x 8 sums a thread, in registers, and 16 bytes an access. For each k a thread reads 8 + 8 numbers from
// shared memory and makes 64 products, a quarter of a number a product, where version 3 read two; so shared memory,
// which was the limit at an eighth of the arithmetic, now keeps up with it. 128 threads make a tile of 128 x 64: the
// second-level cache gives 4 P O W (1/128 + 1/64) bytes, 3/32 of a byte a product, in place of a quarter. In pass 0 of
// the table that is **29,120** passes instead of **219,844**, and **1.69** times the floor instead of **4.57**.
//
// Copies move four numbers at once: neighbouring channels of a pixel, or neighbouring filters. They lie inside the
// image together or not at all, so that a copy of four costs the divisions and comparisons that one number cost before:
// the price of having no matrix of windows falls to a quarter. What lies along k keeps lying so in shared memory, and
// what lies across keeps lying across; only the reads differ (register_tile.h), two k of a row at once or four rows of
// a k.
//
// The price is in small results. Those of the table are small: **1** tile in pass 0, **4** and **7** in the others,
// where version 3 had **8**, **16** and **26** blocks. There version 4 is hardly faster. The weight gradient of 128
// filters of 5 x 5 x 64 is 25 tiles, for the 132 multiprocessors of an H100, and each walks along all pixels. Channels
// must be a multiple of 4, and in the gradients filters too.
#include "kernels/ladder/conv2d/register_tile.h"
#include "kernels/ladder/conv2d/windows.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

template <class Pass>
__global__ void __launch_bounds__(tile_threads, 3)
    conv_register_tile_kernel(ConvSizes c, const float* first, const float* second, float* out) {
  const Pass pass(c, first, second, blockIdx.z);
  const int first_row = int(blockIdx.y) * tile_rows, first_column = int(blockIdx.x) * tile_columns;
  if (first_row >= pass.m) return;  // the whole block: a smaller class
  float* const of_a = dynamic_shared<float>();
  float* const of_b = of_a + operand_floats<typename Pass::Left, tile_rows>;
  const StagePieces<typename Pass::Left, tile_rows> left(pass.left, first_row, pass.m);
  const StagePieces<typename Pass::Right, tile_columns> right(pass.right, first_column, pass.n);
  const auto copy_to = [](float* stage) {
    return [stage](int place, const float* from, bool inside) {
      float four[4] = {};
      if (inside) load_four(from, four);
      store_four(stage + place, four);
    };
  };
  RegisterSums<Pass> sums;
  for (int k0 = 0; k0 < pass.k; k0 += stage_depth) {
    left.each(k0, pass.k, copy_to(of_a));
    right.each(k0, pass.k, copy_to(of_b));
    __syncthreads();
    sums.multiply(of_a, of_b);
    __syncthreads();
  }
  sums.store(pass, first_row, first_column, out);
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvShape shape = ladder::conv2d::shape_of(a.sizes);
  const ConvPass pass = ladder::conv2d::pass_of(a.sizes);
  const PassSizes sizes = pass_sizes(pass, shape);
  with_pass(pass, [&](auto type) {
    using Pass = typename decltype(type)::type;
    launch<conv_register_tile_kernel<Pass>>(
        {dim3(blocks_for(sizes.columns, tile_columns), blocks_for(sizes.rows, tile_rows), blocks_for(sizes.parts, 1)),
         tile_threads, stage_size<Pass> * sizeof(float), stream},
        conv_sizes(shape), a.inputs[0], a.inputs[1], a.outputs[0]);
  });
}

KANTOR_RUNG(conv2d, 4, "8 x 8 sums a thread, 16 bytes an access", run, .takes = in_fours);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
