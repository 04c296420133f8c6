// Convolution: windows of pixels [pixels, window] times filters [window, filters]. The windows are gathered by the
// copies of a stage, never in memory.
#include "kernels/backend.h"
#include "kernels/products/conv2d.h"

namespace kantor::KANTOR_BACKEND {

void tile_conv2d_forward(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream) {
  const ConvShape& shape = call.shape;
  const ConvSizes c = conv_sizes(shape);
  const Taps windows{call.image, c.height,   c.width,    c.channels, c.out_height,    c.out_width,
                     c.stride,   -c.padding, -c.padding, 1,          c.kernel_height, c.kernel_width};
  launch_product(OneProduct<Taps, Matrix<true>>{windows, {call.filter, c.window()}, c.pixels(), c.filters, c.window()},
                 {plan, memory, call.epilogue, call.output, shape.pixels() * shape.filters, shape.pixels(),
                  shape.filters, 1, stream});
}

void tile_conv2d(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream) {
  switch (call.pass) {
    case ConvPass::forward:
      return tile_conv2d_forward(call, plan, memory, stream);
    case ConvPass::input_grad:
      return tile_conv2d_input_grad(call, plan, memory, stream);
    case ConvPass::weight_grad:
      return tile_conv2d_weight_grad(call, plan, memory, stream);
  }
}

}  // namespace kantor::KANTOR_BACKEND
