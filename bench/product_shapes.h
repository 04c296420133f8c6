// The products that `kantor bench products` times, and how they are written.
#pragma once

#include "kernels/products/products.h"

#include <string>
#include <variant>
#include <vector>

namespace kantor {

using ProductCall = std::variant<GemmCall, ConvCall>;

/// A matrix product or a pass of a convolution, without its arrays.
struct ProductShape {
  std::string op;    // "gemm", "forward", "input_grad", "weight_grad"
  std::string text;  // as parse_product takes it
  ProductCall call;
};

/// "gemm:MxNxK" gives one product, [m, k] by [k, n]; "conv:BATCHxHEIGHTxWIDTHxCHANNELS:FILTERS:KERNEL:STRIDE:PADDING"
/// gives the three passes. Throws Error for other texts, and for convolutions without output.
std::vector<ProductShape> parse_product(const std::string& text);

/// Those of DCGANs and of MLPs with their batches, and large ones; `quick`: a few tiny ones, for the simulator.
const std::vector<std::string>& usual_products(bool quick);

/// Elements of the two arrays that the product reads, and of the one that it writes.
struct ProductElements {
  int64_t left, right, out;
};
ProductElements elements_of(const ProductCall& call);
/// The call with these arrays: C = A B; output = image * filter; image from output and filter; filter from image and
/// output.
ProductCall with_arrays(ProductCall call, float* left, float* right, float* out);
/// Floating-point operations.
int64_t flops_of(const ProductCall& call);
/// Those of a convolution without the products with the zeros of padding, which nobody needs; every pass has as many.
int64_t least_flops(const ConvShape& shape);

}  // namespace kantor
