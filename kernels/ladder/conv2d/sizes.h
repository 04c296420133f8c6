// What the sizes of the family mean, and what its workspace holds. Plain C++.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/ladder/ladder.h"
#include "kernels/products/products.h"

#include <cstdint>
#include <optional>

namespace kantor::ladder::conv2d {

/// Products are planned for the multiprocessors of an H100, wherever they run.
inline constexpr int multiprocessors = 132;

inline ConvPass pass_of(const Sizes& s) {
  return static_cast<ConvPass>(s[0]);
}
/// Sizes are pass, batch, height, width, channels, filters, kernel, stride and padding.
inline ConvShape shape_of(const Sizes& s) {
  const int64_t kernel = s[6], stride = s[7], padding = s[8];
  const auto outputs = [&](int64_t extent) { return (extent + 2 * padding - kernel) / stride + 1; };
  return {s[1], s[2], s[3], s[4], outputs(s[2]), outputs(s[3]), s[5], kernel, kernel, stride, padding};
}

/// Elements of each array.
inline int64_t image_size(const ConvShape& c) {
  return c.batch * c.height * c.width * c.channels;
}
inline int64_t filter_size(const ConvShape& c) {
  return c.filters * c.window();
}
inline int64_t output_size(const ConvShape& c) {
  return c.pixels() * c.filters;
}

/// The engine's call. The inputs of a pass are the two arrays that it does not write, in the order image, filter,
/// output.
inline ConvCall engine_call(const Arrays& a) {
  const ConvPass pass = pass_of(a.sizes);
  const auto input = [&](size_t i) { return a.inputs.empty() ? nullptr : const_cast<float*>(a.inputs[i]); };
  float* const out = a.outputs.empty() ? nullptr : a.outputs[0];
  ConvCall call{pass, shape_of(a.sizes), input(0), input(1), out, {}};
  if (pass == ConvPass::input_grad) call = {pass, call.shape, out, input(0), input(1), {}};
  if (pass == ConvPass::weight_grad) call = {pass, call.shape, input(0), out, input(1), {}};
  return call;
}
/// The tile engine's plan, or nothing where earlier kernels make the product. (family.cpp has it: the model behind
/// plans is not for nvcc.)
std::optional<ProductPlan> engine_plan(const ConvCall& call);

/// Counters of the engine's kernel, which are 0 before and after it, come first in the workspace; no other version
/// touches them. Behind them are floats: the windows of all pixels, or partial sums.
inline constexpr int64_t counter_doubles = most_counters * int64_t(sizeof(unsigned)) / int64_t(sizeof(double));
inline float* floats_of(double* workspace) {
  return reinterpret_cast<float*>(workspace + counter_doubles);
}

}  // namespace kantor::ladder::conv2d
