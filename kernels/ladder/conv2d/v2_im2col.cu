// Version 2: a convolution is a matrix product, so make it one. A first launch copies the windows of all pixels into a
// matrix in memory [P, W], zeros where a window hangs over the edge (im2col); the second multiplies it by the filters:
//
// - Forward: [P, W] x [W, O].
// - Weight gradient: [O, P] x [P, W].
// - Input gradient: [P, O] x [O, W] first, which is the gradient of every window element; then a thread an image
//   element gathers those that are its own, at most kernel^2, in the order of the taps (col2im). A thread for each
//   window element would have to add atomically, and the order, so the bits, would be left to chance.
//
// The product is gemm's version 2: tiles of 32 x 32 in shared memory, of which each copied number serves 32 products.
// From the second-level cache come 4 P O W (1/32 + 1/32) bytes, a quarter of a byte a product, where version 1 asked
// for 8 and hoped for the first-level cache: **6.79** times the floor in pass 0 instead of **453.75**. All copies are
// coalesced: where an operand lies across the tile, shared memory turns it.
//
// The price is the matrix. An image element stands in it once for every window that holds it, kernel^2 / stride^2 times
// on average: 6.25 times the image for 5 x 5 windows with stride 2. 4 P W bytes are written and read again at least
// once, and there are two launches.
#include "kernels/ladder/conv2d/shared_tile.h"
#include "kernels/ladder/conv2d/windows.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

__global__ void conv_im2col_kernel(WindowsOfPixels windows, float* matrix) {
  const int i = int(blockIdx.x) * threads + int(threadIdx.x), width = windows.c.window();
  if (i >= windows.c.pixels() * width) return;
  int offset = 0;
  const bool inside = windows.find(windows.row(i / width), windows.term(i % width), offset);
  matrix[i] = inside ? windows.data[offset] : 0.0F;
}

__global__ void conv_col2im_kernel(ConvSizes c, const float* matrix, float* image) {
  const int i = int(blockIdx.x) * threads + int(threadIdx.x);
  if (i >= c.batch * c.height * c.width * c.channels) return;
  const int channel = i % c.channels, position = i / c.channels;
  const int x = position % c.width, y = position / c.width % c.height, n = position / c.width / c.height;
  float sum = 0;
  for (int a = 0; a < c.kernel_height; ++a) {
    for (int b = 0; b < c.kernel_width; ++b) {
      const int v = y + c.padding - a, h = x + c.padding - b, oy = v / c.stride, ox = h / c.stride;
      if (v < 0 || h < 0 || v % c.stride != 0 || h % c.stride != 0 || oy >= c.out_height || ox >= c.out_width) continue;
      const int pixel = (n * c.out_height + oy) * c.out_width + ox;
      sum += matrix[pixel * c.window() + (a * c.kernel_width + b) * c.channels + channel];
    }
  }
  image[i] = sum;
}

template <bool left_along_k, bool right_along_k>
__global__ void __launch_bounds__(shared_tile* shared_tile)
    conv_matrix_product_kernel(MatrixInMemory<left_along_k> left, MatrixInMemory<right_along_k> right, int m, int n,
                               int k, float* out) {
  multiply_shared_tile(left, right, m, n, k, out, [&](int row) { return row * n; });
}

template <bool left_along_k, bool right_along_k>
void multiply(MatrixInMemory<left_along_k> left, MatrixInMemory<right_along_k> right, int m, int n, int k, float* out,
              Stream stream) {
  launch<conv_matrix_product_kernel<left_along_k, right_along_k>>(
      {dim3(blocks_for(n, shared_tile), blocks_for(m, shared_tile)), dim3(shared_tile, shared_tile), 0, stream}, left,
      right, m, n, k, out);
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvSizes c = conv_sizes(ladder::conv2d::shape_of(a.sizes));
  const int p = c.pixels(), w = c.window(), o = c.filters;
  float* const matrix = ladder::conv2d::floats_of(a.workspace);
  const auto copy_windows = [&] {
    launch<conv_im2col_kernel>({blocks_for(int64_t(p) * w, threads), threads, 0, stream},
                               WindowsOfPixels{c, a.inputs[0]}, matrix);
  };
  switch (ladder::conv2d::pass_of(a.sizes)) {
    case ConvPass::forward:
      copy_windows();
      return multiply(MatrixInMemory<true>{matrix, w}, MatrixInMemory<true>{a.inputs[1], w}, p, o, w, a.outputs[0],
                      stream);
    case ConvPass::input_grad:
      multiply(MatrixInMemory<true>{a.inputs[1], o}, MatrixInMemory<false>{a.inputs[0], w}, p, w, o, matrix, stream);
      return launch<conv_col2im_kernel>(
          {blocks_for(int64_t(c.batch) * c.height * c.width * c.channels, threads), threads, 0, stream}, c, matrix,
          a.outputs[0]);
    case ConvPass::weight_grad:
      copy_windows();
      return multiply(MatrixInMemory<false>{a.inputs[1], o}, MatrixInMemory<false>{matrix, w}, o, w, p, a.outputs[0],
                      stream);
  }
}

KANTOR_RUNG(conv2d, 2, "windows as a matrix in memory, and a product", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
