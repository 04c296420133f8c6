// Version 3: the matrix of windows is never made. When a tile is copied into shared memory, the thread that copies
// element (pixel, tap, channel) computes where it lies in the image and takes it from there, or takes 0 over the edge.
// The product is the same as in version 2, down to the order of its sums; 4 P W bytes written and 4 P W read are saved,
// and a launch: **4.57** times the floor in pass 0 instead of **6.79**, with the same **219,844** passes over shared
// memory. For 64 pictures of 14 x 14 x 64 and 5 x 5 windows with stride 2 these are 20 MB each way, where the image has
// 3.2 MB and the result 1.6.
//
// The input gradient gains in another way. Version 2 made the gradient of each window element and gathered them. Here a
// position asks which outputs reach it. Output y and tap a meet position y stride + a - padding, so of the kernel's
// rows only every stride-th reaches a given row. Positions are sorted into stride^2 classes by their remainders, each
// class is a product of its own, [positions, taps filters] x [taps filters, channels], with only the taps that reach
// it, and all of them are one launch. Nothing is multiplied but zeros over the edge, and nothing is stored twice:
// **6.29** times the floor in pass 1 instead of **6.87**. With 16 channels it has a price: they fill half of a tile's
// 32 columns, and the passes over shared memory are **422,400** instead of **219,648**.
//
// The price: a copied number costs some divisions, by the sizes of the window and of the picture. A thread keeps to its
// row of the tile, so it divides for the row once, and for k in every step (windows.h).
#include "kernels/ladder/conv2d/shared_tile.h"
#include "kernels/ladder/conv2d/windows.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

template <class Pass>
__global__ void __launch_bounds__(shared_tile* shared_tile)
    conv_implicit_kernel(ConvSizes c, const float* first, const float* second, float* out) {
  const Pass pass(c, first, second, blockIdx.z);
  if (int(blockIdx.y) * shared_tile >= pass.m) return;  // the whole block: a smaller class
  multiply_shared_tile(pass.left, pass.right, pass.m, pass.n, pass.k, out, [&](int row) { return pass.place(row); });
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvShape shape = ladder::conv2d::shape_of(a.sizes);
  const ConvPass pass = ladder::conv2d::pass_of(a.sizes);
  const PassSizes sizes = pass_sizes(pass, shape);
  with_pass(pass, [&](auto type) {
    launch<conv_implicit_kernel<typename decltype(type)::type>>(
        {dim3(blocks_for(sizes.columns, shared_tile), blocks_for(sizes.rows, shared_tile), blocks_for(sizes.parts, 1)),
         dim3(shared_tile, shared_tile), 0, stream},
        conv_sizes(shape), a.inputs[0], a.inputs[1], a.outputs[0]);
  });
}

KANTOR_RUNG(conv2d, 3, "windows are found while tiles are copied", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
