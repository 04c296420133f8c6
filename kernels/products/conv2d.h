// Convolution's three passes as products of the tile engine: which views each multiplies. For kernel files.
#pragma once

#include "kernels/products/launch_tiles.h"
#include "kernels/products/operands.h"

namespace kantor::KANTOR_BACKEND {

// One file each, because compilers take long over them.
void tile_conv2d_forward(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream);
void tile_conv2d_input_grad(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream);
void tile_conv2d_weight_grad(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream);

}  // namespace kantor::KANTOR_BACKEND
