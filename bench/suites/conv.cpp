// The convolutions of DCGANs, three passes each, and the same by oneDNN on the CPU and by cuDNN on a GPU.
#include "bench/library_conv.h"
#include "bench/op_subject.h"
#include "bench/product_shapes.h"
#include "bench/suites/suites.h"
#include "engine/ops.h"

#include <fmt/format.h>
#include <utility>

namespace kantor {
namespace {

/// Outputs along an axis times the taps of each that do not meet padding.
int64_t taps(int64_t extent, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  int64_t count = 0;
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t at = o * stride - padding + k;
      count += at >= 0 && at < extent ? 1 : 0;
    }
  }
  return count;
}

/// What a convolution needs: products with the zeros of padding are none.
Cost least_cost(const ConvShape& c) {
  Cost cost = conv2d_cost(c, 4);
  cost.flops = 2 * c.batch * c.filters * c.channels *
               taps(c.height, c.out_height, c.kernel_height, c.stride, c.padding) *
               taps(c.width, c.out_width, c.kernel_width, c.stride, c.padding);
  return cost;
}

OpCase conv_case(const std::string& pass, const std::string& size, const ConvCall& call) {
  const ConvShape c = call.shape;
  OpCase op{"conv " + pass, size, least_cost(c), {2, 1}};
  const Shape image{c.batch, c.height, c.width, c.channels}, output{c.batch, c.out_height, c.out_width, c.filters},
      filter{c.filters, c.kernel_height, c.kernel_width, c.channels};
  const ConvParams window{c.stride, c.padding};
  const bool weights = call.pass == ConvPass::weight_grad, forward = call.pass == ConvPass::forward;
  op.inputs = [=](Device d) {
    return Tensors{random_values(forward || weights ? image : output, d, 30),
                   random_values(weights ? output : filter, d, 31)};
  };
  op.op = [=](const Tensors& in, DType) {
    if (forward) return Tensors{conv2d(in[0], in[1], window)};
    if (weights) return Tensors{conv2d_weight_grad(in[0], in[1], window, c.kernel_height, c.kernel_width)};
    return Tensors{conv2d_input_grad(in[0], in[1], window, c.height, c.width)};
  };
  // A weight's gradient is a sum over all pixels, whose rounding grows with the square root of their number.
  op.allowed = 2e-6;
  op.absolute_terms = true;
  if (!weights) {
    op.by_rows = {true, false};
    op.checked_rows = 2;
  }
  return op;
}

}  // namespace

std::vector<Subject> conv_subjects(const BenchOptions& options) {
  using Names = std::vector<std::string>;
  const bool gpu = options.device.kind == Device::Kind::cuda;
  Names shapes{"conv:64x28x28x1:64:5:2:2", "conv:64x14x14x64:128:5:2:2", "conv:64x7x7x128:256:5:2:2",
               "conv:64x64x64x3:64:4:2:1", "conv:64x32x32x64:128:4:2:1"};
  if (gpu) {
    for (const char* more : {"conv:64x16x16x128:256:4:2:1", "conv:64x8x8x256:512:4:2:1"}) shapes.emplace_back(more);
  }
  if (options.few()) shapes = {"conv:2x6x5x8:12:3:2:1", "conv:4x8x8x1:16:5:2:2"};
  std::vector<Subject> all;
  for (const std::string& text : shapes) {
    for (const ProductShape& shape : parse_product(text)) {
      const auto& call = std::get<ConvCall>(shape.call);
      OpCase op = conv_case(shape.op, text, call);
      all.push_back(op_subject(op, options.device));
      all.back().extra = {{"by", "Kantor"}};
      const std::optional<LibraryConv> library = library_conv(call, options.device);
      if (!library) continue;
      op.instead = library->step;
      all.push_back(op_subject(op, options.device));
      all.back().extra = {{"by", library->name}};
    }
  }
  return all;
}

}  // namespace kantor
