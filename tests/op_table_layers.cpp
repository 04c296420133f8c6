// The op table's rows of the ops that layers and constraints are made of.
#include "tests/op_samples.h"

namespace kantor::testing {
namespace {

using Inputs = std::vector<Tensor>;

/// Sizes of a convolution whose window fits.
struct ConvSizes {
  int64_t batch, height, width, in, out, kernel_height, kernel_width;
  ConvParams window;
  [[nodiscard]] int64_t out_height() const { return (height + 2 * window.padding - kernel_height) / window.stride + 1; }
  [[nodiscard]] int64_t out_width() const { return (width + 2 * window.padding - kernel_width) / window.stride + 1; }
  [[nodiscard]] Shape x() const { return {batch, height, width, in}; }
  [[nodiscard]] Shape filter() const { return {out, kernel_height, kernel_width, in}; }
  [[nodiscard]] Shape y() const { return {batch, out_height(), out_width(), out}; }
};

ConvSizes conv_sizes(HostRandom& r) {
  return {small(r, 0, 3), small(r, 5, 9), small(r, 5, 9), small(r, 1, 4),
          small(r, 1, 4), small(r, 1, 5), small(r, 1, 5), {small(r, 1, 3), small(r, 0, 2)}};
}

/// A layer's filter, bias and activation: weights of one sign in each slice of the filter that makes an output channel,
/// and in its bias, keep the pre-activation of positive inputs away from 0; small ones keep it where tanh still moves.
struct ConvLayerParts {
  Tensor filter, bias;
  Activation activation;
};
ConvLayerParts conv_layer_parts(const ConvSizes& s, bool transposed, HostRandom& r) {
  const int64_t channels = transposed ? s.in : s.out, terms = s.filter().size() / channels;
  const Tensor signs = sign(random_tensor({channels}, r));
  const Tensor of_filter = reshape(signs, transposed ? Shape{1, 1, 1, channels} : Shape{channels, 1, 1, 1});
  const Tensor small = positive(s.filter(), r) * (1 / static_cast<double>(terms));
  return {mul(small, of_filter).detach(), mul(positive({channels}, r), signs).detach(),
          r.below(6) == 0 ? falling_activation : any_activation(r)};
}

std::vector<OpRow> conv2d_rows() {
  return {
      {"conv2d", "conv2d",
       [](HostRandom& r) {
         const ConvSizes s = conv_sizes(r);
         return Case{[=](const Inputs& in) { return conv2d(in[0], in[1], s.window); },
                     {random_tensor(s.x(), r), random_tensor(s.filter(), r)},
                     {true, true}};
       }},
      {"conv2d", "conv2d",
       [](HostRandom& r) {
         const ConvSizes s = conv_sizes(r);
         const auto [filter, bias, f] = conv_layer_parts(s, false, r);
         return Case{[s, f = f](const Inputs& in) { return conv2d(in[0], in[1], s.window, in[2], f); },
                     {positive(s.x(), r), filter, bias},
                     {true, true, true}};
       }},
      {"conv2d_input_grad", "conv2d",
       [](HostRandom& r) {
         const ConvSizes s = conv_sizes(r);
         const auto [filter, bias, f] = conv_layer_parts(s, true, r);
         return Case{[s, f = f](const Inputs& in) {
                       return conv2d_input_grad(in[0], in[1], s.window, s.height, s.width, in[2], f);
                     },
                     {positive(s.y(), r), filter, bias},
                     {true, true, true}};
       }},
      {"conv2d_input_grad", "conv2d",
       [](HostRandom& r) {
         const ConvSizes s = conv_sizes(r);
         return Case{[=](const Inputs& in) { return conv2d_input_grad(in[0], in[1], s.window, s.height, s.width); },
                     {random_tensor(s.y(), r), random_tensor(s.filter(), r)},
                     {true, true}};
       }},
      {"conv2d_weight_grad", "conv2d",
       [](HostRandom& r) {
         const ConvSizes s = conv_sizes(r);
         return Case{[=](const Inputs& in) {
                       return conv2d_weight_grad(in[0], in[1], s.window, s.kernel_height, s.kernel_width);
                     },
                     {random_tensor(s.x(), r), random_tensor(s.y(), r)},
                     {true, true}};
       }},
  };
}

std::vector<OpRow> norm_rows() {
  return {
      {"batch_norm", "norm",
       [](HostRandom& r) {
         const int64_t channels = extent(r, false);
         const Shape shape = r.below(2) == 1 ? Shape{small(r, 2, 6), 2, 3, channels} : Shape{small(r, 4, 8), channels};
         return Case{[](const Inputs& in) { return batch_norm(in[0], in[1], in[2]).y; },
                     {random_tensor(shape, r), random_tensor({channels}, r), random_tensor({channels}, r)},
                     {true, true, true}};
       },
       [](const Inputs& in) {
         std::vector<int> axes;
         for (int axis = 0; axis + 1 < in[0].rank(); ++axis) axes.push_back(axis);
         const Tensor centred = in[0] - mean(in[0], axes, true);
         const Tensor variance = mean(square(centred), axes, true);
         return centred / sqrt(variance + 1e-5) * in[1] + in[2];
       }},
      {"batch_norm_fixed", "norm",
       [](HostRandom& r) {
         const int64_t channels = extent(r, false);
         return Case{[](const Inputs& in) { return batch_norm_fixed(in[0], in[1], in[2], in[3], in[4]); },
                     {random_tensor({small(r, 1, 6), channels}, r), random_tensor({channels}, r),
                      random_tensor({channels}, r), random_tensor({channels}, r), positive({channels}, r)},
                     {true, true, true, true, true}};
       }},
      {"layer_norm", "norm",
       [](HostRandom& r) {
         const Shape sample = r.below(2) == 1 ? Shape{small(r, 2, 3), 2, small(r, 2, 5)} : Shape{small(r, 5, 40)};
         std::vector<int64_t> shape{small(r, 0, 5)};
         shape.insert(shape.end(), sample.begin(), sample.end());
         return Case{[](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); },
                     {random_tensor(Shape(shape), r), random_tensor(sample, r), random_tensor(sample, r)},
                     {true, true, true}};
       },
       [](const Inputs& in) {
         std::vector<int> axes;
         for (int axis = 1; axis < in[0].rank(); ++axis) axes.push_back(axis);
         const Tensor centred = in[0] - mean(in[0], axes, true);
         const Tensor variance = mean(square(centred), axes, true);
         return centred / sqrt(variance + 1e-5) * in[1] + in[2];
       }},
  };
}

/// Rows of norm 0.5 or 2: away from the kink of the one-sided penalty at 1.
Tensor rows_off_one(HostRandom& r) {
  const Tensor x = random_tensor({small(r), small(r, 1, 40)}, r);
  const Tensor length =
      scale_shift(greater_equal(random_tensor({x.shape()[0], 1}, r), zeros({}, {DType::float64, {}})), 1.5, 0.5);
  return mul(div(x, reshape(row_norm(x), {x.shape()[0], 1})), length).detach();
}

std::vector<OpRow> penalty_rows() {
  std::vector<OpRow> rows;
  rows.push_back({"interpolate", "gradient_penalty", [](HostRandom& r) {
                    const Shape shape{small(r), extent(r), 2};
                    return Case{[](const Inputs& in) { return interpolate(in[0], in[1], in[2]); },
                                {random_tensor(shape, r), random_tensor(shape, r), positive({shape[0]}, r)},
                                {true, true, true}};
                  }});
  rows.push_back({"interpolate", "gradient_penalty",  // rows narrower and wider than a pack
                  [](HostRandom& r) {
                    const Shape shape{extent(r), small(r, 1, 9)};
                    const int64_t first = r.below(1000);
                    return Case{[first](const Inputs& in) {
                                  return interpolate(in[0], in[1], Draw{5, 6, in[2], first});
                                },
                                {random_tensor(shape, r), random_tensor(shape, r), full({}, 7, {DType::int64, {}})},
                                {true, true, false}};
                  }});
  for (const PenaltyKind kind : {PenaltyKind::two_sided, PenaltyKind::one_sided, PenaltyKind::squared}) {
    rows.push_back({"gradient_penalty", "gradient_penalty",
                    [kind](HostRandom& r) {
                      return unary(rows_off_one(r),
                                   [=](const Tensor& g) { return gradient_penalty(g, kind, 10).value; });
                    },
                    [kind](const Inputs& in) { return gradient_penalty_reference(in[0], kind, 10); }});
    rows.push_back({"gradient_penalty_reference", "gradient_penalty", [kind](HostRandom& r) {
                      return unary(rows_off_one(r),
                                   [=](const Tensor& g) { return gradient_penalty_reference(g, kind, 0.1); });
                    }});
  }
  return rows;
}

/// [rows, groups * group], all its elements at least 0.1 apart, in a random order.
Tensor apart(int64_t rows, int64_t groups, int64_t group, HostRandom& r) {
  std::vector<double> values(static_cast<size_t>(rows * groups * group));
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t j = r.bits() % (i + 1);
    values[i] = values[j];
    values[j] = 0.1 * static_cast<double>(i) - 0.05 * static_cast<double>(values.size());
  }
  return from_host(values, {rows, groups * group}, {DType::float64, {}});
}

std::vector<OpRow> group_sort_rows() {
  std::vector<OpRow> all{
      {"maxmin", "group_sort",
       [](HostRandom& r) {
         const Shape shape{small(r), 2 * extent(r)};
         return Case{[](const Inputs& in) { return maxmin(in[0], in[1]); },
                     {random_tensor(shape, r), random_tensor(shape, r)},
                     {true, false}};
       }},
      {"group_sort", "group_sort",
       [](HostRandom& r) {  // neighbours at least 0.3 apart
         const Shape pairs{small(r), extent(r), 1};
         const Tensor x = random_tensor(pairs, r);
         const Tensor both = concat({x, x + random_tensor(pairs, r)}, 2);
         return unary(reshape(both, {pairs[0], 2 * pairs[1]}).detach(), [](const Tensor& t) { return group_sort(t); });
       },
       [](const Inputs& in) {
         const int64_t rows = in[0].shape()[0], half = in[0].shape()[1] / 2;
         const Tensor pairs = reshape(in[0], {rows, half, 2});
         const Tensor a = slice(pairs, 2, 0, 1), b = slice(pairs, 2, 1, 2);
         return reshape(concat({-maximum(-a, -b), maximum(a, b)}, 2), {rows, 2 * half});
       }},
  };
  all.push_back({"sort_groups", "group_sort", [](HostRandom& r) {
                   const int64_t group = small(r, 3, 9);
                   return unary(apart(small(r), small(r, 0, 3), group, r),
                                [group](const Tensor& t) { return group_sort(t, group); });
                 }});
  for (const bool back : {false, true}) {
    all.push_back({"permute_groups", "group_sort", [back](HostRandom& r) {
                     const int64_t group = small(r, 1, 9), many = small(r, 0, 3), batch = small(r);
                     const Tensor origin = sort_groups(apart(batch, many, group, r), group).origin.detach();
                     return Case{[group, back](const Inputs& in) { return permute_groups(in[0], in[1], group, back); },
                                 {random_tensor(origin.shape(), r), origin},
                                 {true, false}};
                   }});
  }
  return all;
}

}  // namespace

std::vector<OpRow> layer_rows() {
  std::vector<OpRow> all;
  for (const auto& rows : {conv2d_rows(), norm_rows(), penalty_rows(), group_sort_rows()}) {
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

}  // namespace kantor::testing
