// The input gradient of convolution: output gradients that reach a position [positions, taps filters] times the filters
// of these taps. With stride s only kernel rows ky = (y + padding) mod s meet row y: each of the s^2 parity classes is
// a dense product of about 1/s^2 of the taps, and a part of the launch.
#include "kernels/backend.h"
#include "kernels/products/conv2d.h"

namespace kantor::KANTOR_BACKEND {
namespace {

struct InputGradProblem {
  static constexpr bool single_right = false;
  using Left = Taps;
  using Right = FiltersOfTaps;
  Left left;
  Right right;
  int m, n, k;
  ConvSizes c;
  int first_row, first_column;  // of the class's positions

  __device__ bool enter(int part) {
    const ParityAxis v(part / c.stride, c.height, c.kernel_height, c.stride, c.padding);
    const ParityAxis h(part % c.stride, c.width, c.kernel_width, c.stride, c.padding);
    left.high = v.positions;
    left.wide = h.positions;
    left.first_row = v.shift;
    left.first_column = h.shift;
    left.tap_rows = v.taps;
    left.tap_columns = h.taps;
    right.first_row = v.first_tap;
    right.first_column = h.first_tap;
    right.tap_columns = h.taps;
    first_row = v.first;
    first_column = h.first;
    m = c.batch * v.positions * h.positions;
    n = c.channels;
    k = v.taps * h.taps * c.filters;
    return m > 0;
  }
  __device__ int place(int row) const {
    const int line = row / left.wide, image = line / left.high;
    const int y = first_row + c.stride * (line - image * left.high),
              x = first_column + c.stride * (row - line * left.wide);
    return ((image * c.height + y) * c.width + x) * c.channels;
  }
};

}  // namespace

void tile_conv2d_input_grad(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream) {
  const ConvShape& s = call.shape;
  const ConvSizes c = conv_sizes(s);
  InputGradProblem problem{};
  problem.c = c;
  problem.left.data = call.output;
  problem.left.height = c.out_height;
  problem.left.width = c.out_width;
  problem.left.channels = c.filters;
  problem.left.stride = 1;
  problem.left.direction = -1;
  problem.right = {call.filter, c.channels, c.filters, c.kernel_height, c.kernel_width, c.stride, 0, 0, 0};
  const int64_t most = s.batch * ((s.height + s.stride - 1) / s.stride) * ((s.width + s.stride - 1) / s.stride);
  launch_product(problem, {plan, memory, call.epilogue, call.image, s.batch * s.height * s.width * s.channels, most,
                           s.channels, c.stride * c.stride, stream});
}

}  // namespace kantor::KANTOR_BACKEND
