#include "bench/product_shapes.h"

#include "kernels/error.h"
#include "kernels/gemm.h"

#include <algorithm>
#include <fmt/format.h>
#include <regex>
#include <type_traits>

namespace kantor {
namespace {

/// The numbers that the groups of `pattern` find in the whole text; none if it does not match.
std::vector<int64_t> numbers_in(const std::string& text, const char* pattern) {
  std::smatch found;
  std::vector<int64_t> numbers;
  if (!std::regex_match(text, found, std::regex(pattern))) return numbers;
  for (size_t i = 1; i < found.size(); ++i) numbers.push_back(std::stoll(found[i]));
  return numbers;
}

}  // namespace

std::vector<ProductShape> parse_product(const std::string& text) {
#define NUMBER "([0-9]{1,7})"
  const auto gemm = numbers_in(text, "gemm:" NUMBER "x" NUMBER "x" NUMBER);
  const auto conv =
      numbers_in(text, "conv:" NUMBER "x" NUMBER "x" NUMBER "x" NUMBER ":" NUMBER ":" NUMBER ":" NUMBER ":" NUMBER);
#undef NUMBER
  const auto positive = [](int64_t number) { return number > 0; };
  if (!gemm.empty() && std::all_of(gemm.begin(), gemm.end(), positive)) {
    return {{"gemm", text, GemmCall{false, false, gemm[0], gemm[1], gemm[2], nullptr, nullptr, {}, nullptr}}};
  }
  if (!conv.empty() && std::all_of(conv.begin(), conv.end() - 1, positive)) {  // the padding may be 0
    const int64_t kernel = conv[5], stride = conv[6], padding = conv[7];
    const auto out = [&](int64_t extent) { return (extent + 2 * padding - kernel) / stride + 1; };
    const ConvShape shape{conv[0], conv[1], conv[2], conv[3], out(conv[1]), out(conv[2]),
                          conv[4], kernel,  kernel,  stride,  padding};
    if (std::min(conv[1], conv[2]) + 2 * padding >= kernel) {
      const auto pass = [&](ConvPass p) { return ConvCall{p, shape, nullptr, nullptr, nullptr, {}}; };
      return {{"forward", text, pass(ConvPass::forward)},
              {"input_grad", text, pass(ConvPass::input_grad)},
              {"weight_grad", text, pass(ConvPass::weight_grad)}};
    }
  }
  throw Error(
      fmt::format("'{}' is no product: write gemm:MxNxK, such as gemm:256x512x512, or "
                  "conv:BATCHxHEIGHTxWIDTHxCHANNELS:FILTERS:KERNEL:STRIDE:PADDING, such as "
                  "conv:64x14x14x64:128:5:2:2",
                  text));
}

const std::vector<std::string>& usual_products(bool quick) {
  static const std::vector<std::string> few{"gemm:36x20x132", "gemm:9x5x37", "conv:2x6x5x8:12:3:2:1"};
  static const std::vector<std::string> all{"gemm:256x512x512",
                                            "gemm:768x512x512",
                                            "gemm:768x128x128",
                                            "gemm:1024x1024x1024",
                                            "gemm:4096x4096x4096",
                                            "conv:64x28x28x1:64:5:2:2",
                                            "conv:64x14x14x64:128:5:2:2",
                                            "conv:64x7x7x128:256:5:2:2",
                                            "conv:128x64x64x3:64:4:2:1",
                                            "conv:128x32x32x64:128:4:2:1",
                                            "conv:128x32x32x128:128:3:1:1",
                                            "conv:128x16x16x256:256:3:1:1"};
  return quick ? few : all;
}

ProductElements elements_of(const ProductCall& call) {
  if (const auto* c = std::get_if<GemmCall>(&call)) return {c->m * c->k, c->k * c->n, c->m * c->n};
  const auto& [pass, c, image, filter, output, epilogue] = std::get<ConvCall>(call);
  const int64_t images = c.batch * c.height * c.width * c.channels, filters = c.filters * c.window(),
                outputs = c.pixels() * c.filters;
  return pass == ConvPass::forward      ? ProductElements{images, filters, outputs}
         : pass == ConvPass::input_grad ? ProductElements{outputs, filters, images}
                                        : ProductElements{images, outputs, filters};
}

ProductCall with_arrays(ProductCall call, float* left, float* right, float* out) {
  if (auto* c = std::get_if<GemmCall>(&call)) {
    c->a = left;
    c->b = right;
    c->c = out;
    return call;
  }
  auto& c = std::get<ConvCall>(call);
  c.image = c.pass == ConvPass::input_grad ? out : left;
  c.filter = c.pass == ConvPass::weight_grad ? out : right;
  c.output = c.pass == ConvPass::forward ? out : c.pass == ConvPass::input_grad ? left : right;
  return call;
}

int64_t flops_of(const ProductCall& call) {
  if (const auto* c = std::get_if<GemmCall>(&call)) return gemm_cost(c->m, c->n, c->k, sizeof(float)).flops;
  return conv2d_cost(std::get<ConvCall>(call).shape, sizeof(float)).flops;
}

int64_t least_flops(const ConvShape& c) {
  // Over the outputs along an axis, the taps that meet no padding.
  const auto taps = [&](int64_t extent, int64_t out, int64_t kernel) {
    int64_t count = 0;
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t k = 0; k < kernel; ++k) {
        const int64_t at = o * c.stride - c.padding + k;
        count += at >= 0 && at < extent ? 1 : 0;
      }
    }
    return count;
  };
  return 2 * c.batch * c.filters * c.channels * taps(c.height, c.out_height, c.kernel_height) *
         taps(c.width, c.out_width, c.kernel_width);
}

}  // namespace kantor
