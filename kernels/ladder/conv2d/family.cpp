// The three passes of a convolution, NHWC: what kernels/conv2d.h declares. The first size names the pass.
#include "kernels/conv2d.h"
#include "kernels/ladder/conv2d/sizes.h"
#include "kernels/ladder/ladder.h"
#include "kernels/products/plan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kantor::ladder {

std::optional<ProductPlan> conv2d::engine_plan(const ConvCall& call) {
  const std::optional<ProductSize> size = size_of(call);
  if (!size) return std::nullopt;
  return plan_product(*size, Arithmetic::float32, multiprocessors, false);
}

namespace {

using namespace conv2d;

Sizes inputs(const Sizes& sizes) {
  const ConvShape c = shape_of(sizes);
  switch (pass_of(sizes)) {
    case ConvPass::forward:
      return {image_size(c), filter_size(c)};
    case ConvPass::input_grad:
      return {filter_size(c), output_size(c)};
    case ConvPass::weight_grad:
      return {image_size(c), output_size(c)};
  }
  return {};
}

Sizes outputs(const Sizes& sizes) {
  const ConvShape c = shape_of(sizes);
  switch (pass_of(sizes)) {
    case ConvPass::forward:
      return {output_size(c)};
    case ConvPass::input_grad:
      return {image_size(c)};
    case ConvPass::weight_grad:
      return {filter_size(c)};
  }
  return {};
}

/// Calls visit(pixel, tap, image) for the taps of all pixels that lie inside their picture; `image` is where the first
/// channel of the element that the tap meets lies.
template <class Visit>
void each_tap(const ConvShape& c, const Visit& visit) {
  for (int64_t pixel = 0; pixel < c.pixels(); ++pixel) {
    const int64_t n = pixel / (c.out_height * c.out_width);
    const int64_t oy = pixel / c.out_width % c.out_height, ox = pixel % c.out_width;
    for (int64_t tap = 0; tap < c.kernel_height * c.kernel_width; ++tap) {
      const int64_t y = oy * c.stride - c.padding + tap / c.kernel_width;
      const int64_t x = ox * c.stride - c.padding + tap % c.kernel_width;
      if (y < 0 || y >= c.height || x < 0 || x >= c.width) continue;
      visit(pixel, tap, ((n * c.height + y) * c.width + x) * c.channels);
    }
  }
}

std::vector<Expected> reference(const Sizes& sizes, const std::vector<std::vector<float>>& in) {
  const ConvShape c = shape_of(sizes);
  const ConvPass pass = pass_of(sizes);
  const auto size = static_cast<size_t>(outputs(sizes)[0]);
  Expected out{std::vector<double>(size), std::vector<double>(size)};
  const auto add = [&](int64_t at, float a, float b) {
    const double term = static_cast<double>(a) * static_cast<double>(b);
    out.values[static_cast<size_t>(at)] += term;
    out.scale[static_cast<size_t>(at)] += std::abs(term);
  };
  const float *const first = in[0].data(), *const second = in[1].data();
  each_tap(c, [&](int64_t pixel, int64_t tap, int64_t image) {
    for (int64_t o = 0; o < c.filters; ++o) {
      const int64_t filter = o * c.window() + tap * c.channels, output = pixel * c.filters + o;
      for (int64_t channel = 0; channel < c.channels; ++channel) {
        if (pass == ConvPass::forward) add(output, first[image + channel], second[filter + channel]);
        if (pass == ConvPass::input_grad) add(image + channel, first[filter + channel], second[output]);
        if (pass == ConvPass::weight_grad) add(filter + channel, first[image + channel], second[output]);
      }
    }
  });
  for (double& scale : out.scale) scale = std::max(scale, 1e-30);  // an element that nothing reaches is 0
  return {out};
}

int64_t workspace(const Sizes& sizes) {
  Arrays none;
  none.sizes = sizes;
  const ConvShape c = shape_of(sizes);
  const auto plan = engine_plan(engine_call(none));
  const int64_t of_engine = plan                                      ? plan->workspace
                            : pass_of(sizes) == ConvPass::weight_grad ? weight_grad_workspace(c)
                                                                      : 0;
  return counter_doubles + (std::max(c.pixels() * c.window(), of_engine) + 1) / 2;
}

/// Each shape in the three passes.
std::vector<Sizes> passes_of(const std::vector<Sizes>& shapes) {
  std::vector<Sizes> all;
  for (const Sizes& shape : shapes) {
    for (const int64_t pass : {0, 1, 2}) {
      all.push_back({pass});
      all.back().insert(all.back().end(), shape.begin(), shape.end());
    }
  }
  return all;
}

const bool entered = add_family(
    {.name = "conv2d",
     .formula = "pass 0: out[n, y, x, o] = sum over (a, b, c) of image[n, y stride + a - padding, x stride + b - "
                "padding, c] filter[o, a, b, c]; passes 1 and 2: the gradients of <out, output gradient> by image and "
                "filter",
     .size_names = {"pass", "batch", "height", "width", "channels", "filters", "kernel", "stride", "padding"},
     .input_names = {"image [batch, height, width, channels], in pass 1 the filter",
                     "filter [filters, kernel, kernel, channels], in passes 1 and 2 the output's gradient"},
     .output_names = {"out [batch, its height, its width, filters], in passes 1 and 2 the image's and the filter's "
                      "gradient"},
     .test_sizes = passes_of({{1, 1, 1, 1, 1, 1, 1, 0},
                              {2, 5, 7, 3, 5, 3, 2, 1},
                              {1, 7, 8, 4, 4, 2, 3, 0},
                              {1, 4, 4, 4, 3, 1, 1, 0},
                              {1, 4, 4, 8, 4, 3, 1, 1},
                              {1, 12, 12, 1, 8, 5, 2, 2},
                              {3, 14, 13, 12, 68, 4, 2, 1}}),
     .bench_sizes =
         passes_of({{64, 28, 28, 1, 64, 5, 2, 2}, {64, 14, 14, 64, 128, 5, 2, 2}, {64, 7, 7, 128, 256, 5, 2, 2}}),
     .count_sizes = passes_of({{2, 14, 14, 16, 64, 5, 2, 2}}),
     .inputs = inputs,
     .outputs = outputs,
     .workspace = workspace,
     .cost = [](const Sizes& s) { return conv2d_cost(shape_of(s), 4); },
     .reference = reference});

}  // namespace
}  // namespace kantor::ladder
