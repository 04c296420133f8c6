// The weight gradient of convolution: output gradients [filters, pixels] times the windows of their pixels [pixels,
// window]. Long sums for few outputs: nearly always split along the pixels.
#include "kernels/backend.h"
#include "kernels/products/conv2d.h"

namespace kantor::KANTOR_BACKEND {

void tile_conv2d_weight_grad(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream) {
  const ConvShape& shape = call.shape;
  const ConvSizes c = conv_sizes(shape);
  const PixelsOfWindows windows{call.image,  c.height,       c.width,  c.channels, c.out_height,
                                c.out_width, c.kernel_width, c.stride, c.padding};
  constexpr bool single_right = true;  // pictures of one or three channels
  launch_product(
      OneProduct<Matrix<false>, PixelsOfWindows, single_right>{
          {call.output, c.filters}, windows, c.filters, c.window(), c.pixels()},
      {plan, memory, Epilogue<float>{}, call.filter, shape.filters * shape.window(), shape.filters, shape.window(), 1,
       stream});
}

}  // namespace kantor::KANTOR_BACKEND
