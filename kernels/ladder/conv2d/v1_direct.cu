// Version 1: a thread an element of the result, which adds its products as the formula has them. With P output pixels,
// O filters and windows of W = kernel^2 channels elements, each pass is 2 P O W FLOPs. It is three kernels, since three
// things can be the result:
//
// - Forward: a thread an output; it adds W products.
// - Input gradient: a thread an image element; it looks through all kernel^2 taps for those that reach it, about one in
//   stride^2, and adds O products for each.
// - Weight gradient: a thread a filter element; it adds P products, however few threads that makes (1600 for the first
//   layer of a DCGAN, 64 filters of 5 x 5 x 1).
//
// Each product loads two numbers, 8 P O W bytes asked of the first-level cache. A multiprocessor of an H100 starts one
// load of a warp in a clock, beside four multiply-adds; with two loads a product, seven eighths of the arithmetic or
// more stand idle. How many bytes a load moves depends on what neighbouring threads ask for. They share the image
// element in the forward pass, but read filters that are W numbers apart: 32 sectors of 32 bytes for 32 numbers, so
// that the loads of filters take up to 32 turns each: **453.75** times the floor in pass 0 of the table. In the
// gradients, neighbouring threads read neighbouring channels: four sectors for 32 numbers.
#include "kernels/conv2d_sizes.h"
#include "kernels/ladder/conv2d/sizes.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 128;

__device__ int thread_of_launch() {
  return int(blockIdx.x) * threads + int(threadIdx.x);
}

__global__ void conv_direct_forward_kernel(ConvSizes c, const float* image, const float* filter, float* output) {
  const int i = thread_of_launch(), o = i % c.filters, pixel = i / c.filters;
  if (pixel >= c.pixels()) return;
  const int ox = pixel % c.out_width, oy = pixel / c.out_width % c.out_height, n = pixel / c.out_width / c.out_height;
  float sum = 0;
  for (int a = 0; a < c.kernel_height; ++a) {
    for (int b = 0; b < c.kernel_width; ++b) {
      const int y = oy * c.stride - c.padding + a, x = ox * c.stride - c.padding + b;
      if (y < 0 || y >= c.height || x < 0 || x >= c.width) continue;
      const float* const from = image + ((n * c.height + y) * c.width + x) * c.channels;
      const float* const by = filter + ((o * c.kernel_height + a) * c.kernel_width + b) * c.channels;
      for (int channel = 0; channel < c.channels; ++channel) sum = fmaf(from[channel], by[channel], sum);
    }
  }
  output[i] = sum;
}

__global__ void conv_direct_input_grad_kernel(ConvSizes c, const float* output, const float* filter, float* image) {
  const int i = thread_of_launch(), channel = i % c.channels, position = i / c.channels;
  if (position >= c.batch * c.height * c.width) return;
  const int x = position % c.width, y = position / c.width % c.height, n = position / c.width / c.height;
  float sum = 0;
  for (int a = 0; a < c.kernel_height; ++a) {
    for (int b = 0; b < c.kernel_width; ++b) {
      const int v = y + c.padding - a, h = x + c.padding - b, oy = v / c.stride, ox = h / c.stride;
      if (v < 0 || h < 0 || v % c.stride != 0 || h % c.stride != 0 || oy >= c.out_height || ox >= c.out_width) continue;
      const float* const from = output + ((n * c.out_height + oy) * c.out_width + ox) * c.filters;
      const float* const by = filter + (a * c.kernel_width + b) * c.channels + channel;
      for (int o = 0; o < c.filters; ++o) sum = fmaf(from[o], by[o * c.window()], sum);
    }
  }
  image[i] = sum;
}

__global__ void conv_direct_weight_grad_kernel(ConvSizes c, const float* image, const float* output, float* filter) {
  const int i = thread_of_launch(), element = i % c.window(), o = i / c.window();
  if (o >= c.filters) return;
  const int channel = element % c.channels, tap = element / c.channels;
  const int a = tap / c.kernel_width, b = tap % c.kernel_width;
  float sum = 0;
  for (int pixel = 0; pixel < c.pixels(); ++pixel) {
    const int ox = pixel % c.out_width, oy = pixel / c.out_width % c.out_height, n = pixel / c.out_width / c.out_height;
    const int y = oy * c.stride - c.padding + a, x = ox * c.stride - c.padding + b;
    if (y < 0 || y >= c.height || x < 0 || x >= c.width) continue;
    sum = fmaf(image[((n * c.height + y) * c.width + x) * c.channels + channel], output[pixel * c.filters + o], sum);
  }
  filter[i] = sum;
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvSizes c = conv_sizes(ladder::conv2d::shape_of(a.sizes));
  switch (ladder::conv2d::pass_of(a.sizes)) {
    case ConvPass::forward:
      return launch<conv_direct_forward_kernel>(
          {blocks_for(int64_t(c.pixels()) * c.filters, threads), threads, 0, stream}, c, a.inputs[0], a.inputs[1],
          a.outputs[0]);
    case ConvPass::input_grad:
      return launch<conv_direct_input_grad_kernel>(
          {blocks_for(int64_t(c.batch) * c.height * c.width * c.channels, threads), threads, 0, stream}, c, a.inputs[1],
          a.inputs[0], a.outputs[0]);
    case ConvPass::weight_grad:
      return launch<conv_direct_weight_grad_kernel>(
          {blocks_for(int64_t(c.filters) * c.window(), threads), threads, 0, stream}, c, a.inputs[0], a.inputs[1],
          a.outputs[0]);
  }
}

KANTOR_RUNG(conv2d, 1, "direct: a thread an element", run);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
