// Version 7, which the engine uses for float32. Where images have more than four channels, and for every weight
// gradient, it is the tile engine (kernels/products): the tiles of version 5, in sizes from 128 x 128 down to 32 x 32
// that a model of the time chooses for each shape, three or four stages, and k split over several blocks wherever tiles
// are too few. The weight gradient of 128 filters of 5 x 5 x 64 is 25 tiles for version 5; cut into stretches of the
// pixels, it fills a GPU, for 8 O W splits bytes of partial sums, written and read, which are added in a fixed order.
//
// No division is left in the loop: a thread's place in the window moves from step to step by additions, and whether a
// tap of a pixel lies inside the image is a bit, found once for all taps before the loop (kernels/products/operands.h).
// Pieces of single numbers take the shapes that have no fours.
//
// It stands last because the engine uses it; version 6 has another arithmetic, which the engine has too. For the small
// sizes of the table it takes tiles of 32 x 32, whose counts are worse than version 5's (in pass 0 **5.86** times the
// floor instead of **1.69**, and **95,960** passes instead of **29,120**) for more blocks at work.
//
// Images of one to four channels, the first layer of a critic and the last of a generator, have windows too short for
// tiles: 25 elements for 5 x 5 x 1. Forward pass and input gradient have kernels of their own there, which keep filters
// on chip and move little more than 4 bytes an element of the larger array (kernels/conv2d_few_channels.cu).
#include "kernels/ladder/conv2d/sizes.h"
#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {
namespace {

void run(const ladder::Arrays& a, Stream stream) {
  const ConvCall call = ladder::conv2d::engine_call(a);
  float* const workspace = ladder::conv2d::floats_of(a.workspace);
  if (const auto plan = ladder::conv2d::engine_plan(call)) {
    return tile_conv2d(call, *plan, {workspace, reinterpret_cast<unsigned*>(a.workspace)}, stream);
  }
  switch (call.pass) {
    case ConvPass::forward:
      return conv2d(call.shape, call.image, call.filter, call.epilogue, call.output, stream);
    case ConvPass::input_grad:
      return conv2d_input_grad(call.shape, call.output, call.filter, call.epilogue, call.image, stream);
    case ConvPass::weight_grad:
      return conv2d_weight_grad(call.shape, call.image, call.output, call.filter, workspace, stream);
  }
}

KANTOR_RUNG(conv2d, 7, "the engine's", run, .production = true, .follows = 5);

}  // namespace
}  // namespace kantor::KANTOR_BACKEND
