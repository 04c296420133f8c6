#include "tests/op_table.h"

#include "tests/op_samples.h"

#include <algorithm>
#include <cmath>

namespace kantor::testing {
namespace {

using Inputs = std::vector<Tensor>;
using Kind = Activation::Kind;

/// Rank 0 to 4; at most one or two long axes.
Shape any_shape(HostRandom& random) {
  switch (random.below(5)) {
    case 0:
      return {};
    case 1:
      return {extent(random)};
    case 2:
      return {extent(random), extent(random)};
    case 3:
      return {small(random), extent(random), small(random)};
    default:
      return {small(random), small(random), small(random), extent(random)};
  }
}

Shape matrix_shape(HostRandom& random) {
  return {extent(random), extent(random, false)};
}

OpRow pointwise(const std::string& name, std::function<Tensor(const Tensor&)> fn, bool only_positive = false) {
  return {name, "pointwise", [fn, only_positive](HostRandom& random) {
            const Shape shape = any_shape(random);
            return unary(only_positive ? positive(shape, random) : random_tensor(shape, random), fn);
          }};
}

/// Two shapes that broadcast together: the same, a scalar, a row, a column, or axes of 1 on both sides.
std::pair<Shape, Shape> broadcast_pair(HostRandom& random) {
  const Shape full{small(random), extent(random, false), small(random)};
  switch (random.below(7)) {
    case 0:
      return {full, Shape{}};
    case 1:
      return {Shape{}, full};
    case 2:
      return {full, Shape{full[2]}};
    case 3:
      return {full, full.with(2, 1)};
    case 4:
      return {full.with(0, 1), full.with(1, 1)};
    case 5:
      return {Shape{0, full[1]}, Shape{full[1]}};
    default:
      return {full, full};
  }
}

OpRow binary(const std::string& name, Tensor (*fn)(const Tensor&, const Tensor&)) {
  return {name, "arithmetic", [fn](HostRandom& random) {
            const auto [a, b] = broadcast_pair(random);
            return Case{[fn](const Inputs& in) { return fn(in[0], in[1]); },
                        {random_tensor(a, random), random_tensor(b, random)},
                        {true, true}};
          }};
}

/// b = a +- at least 0.3, so that no comparison is near a tie.
Case apart(HostRandom& random, Tensor (*fn)(const Tensor&, const Tensor&)) {
  const Tensor a = random_tensor(any_shape(random), random);
  return {[fn](const Inputs& in) { return fn(in[0], in[1]); },
          {a, add(a, random_tensor(a.shape(), random)).detach()},
          {true, true}};
}

std::vector<OpRow> arithmetic_rows() {
  return {
      binary("add", add),
      binary("sub", sub),
      binary("mul", mul),
      binary("div", div),
      {"maximum", "arithmetic", [](HostRandom& r) { return apart(r, maximum); }},
      {"greater_equal", "arithmetic", [](HostRandom& r) { return apart(r, greater_equal); }},
      pointwise("scale_shift", [](const Tensor& x) { return scale_shift(x, -1.7, 0.4); }),
  };
}

std::vector<OpRow> pointwise_rows() {
  return {
      pointwise("exp", [](const Tensor& x) { return exp(x); }),
      pointwise(
          "log", [](const Tensor& x) { return log(x); }, true),
      pointwise(
          "sqrt", [](const Tensor& x) { return sqrt(x); }, true),
      pointwise("square", [](const Tensor& x) { return square(x); }),
      pointwise(
          "pow", [](const Tensor& x) { return pow(x, 2.5); }, true),
      pointwise("abs", [](const Tensor& x) { return abs(x); }),
      pointwise("sign", [](const Tensor& x) { return sign(x); }),
      {"clamp", "pointwise",
       [](HostRandom& r) {  // values of 0.3 to 1.5 stay 0.3 away from bounds at +-0.6 where they are 0.3 or 0.9 to 1.5
         Tensor x = random_tensor(any_shape(r), r);
         std::vector<double> values = x.to_vector<double>();
         for (double& value : values) value = std::abs(value) < 0.9 ? value / 3 : value;
         return unary(from_host(values, x.shape(), {DType::float64, {}}),
                      [](const Tensor& t) { return clamp(t, -0.6, 0.6); });
       }},
      pointwise("safe_reciprocal", [](const Tensor& x) { return safe_reciprocal(x); }),
  };
}

std::vector<OpRow> activation_rows() {
  const auto activated = [](HostRandom& r) {
    const Activation activation = any_activation(r);
    return unary(random_tensor(any_shape(r), r), [=](const Tensor& x) { return activate(x, activation); });
  };
  return {
      {"activate", "activation", activated},
      pointwise("relu", [](const Tensor& x) { return relu(x); }),
      pointwise("leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.1); }),
      pointwise("tanh", [](const Tensor& x) { return tanh(x); }),
      pointwise("sigmoid", [](const Tensor& x) { return sigmoid(x); }),
      pointwise("softplus", [](const Tensor& x) { return softplus(x); }),
      {"activation_grad", "activation",
       [](HostRandom& r) {
         const Activation activation = any_activation(r);
         const Shape shape = any_shape(r);
         return Case{[=](const Inputs& in) { return activation_grad(in[0], in[1], activation); },
                     {random_tensor(shape, r), random_tensor(shape, r)},
                     {true, true}};
       }},
      pointwise("leaky_relu", [](const Tensor& x) { return leaky_relu(x, falling_activation.slope); }),
      {"bias_activate", "activation",
       [](HostRandom& r) {  // x and bias of one sign per channel keep x + bias away from 0
         const Activation activation = r.below(6) == 0 ? falling_activation : any_activation(r);
         const Shape shape{small(r), extent(r, false)};
         const Tensor signs = sign(random_tensor({shape[1]}, r));
         return Case{[=](const Inputs& in) { return bias_activate(in[0], in[1], activation); },
                     {mul(positive(shape, r), signs).detach(), mul(positive({shape[1]}, r), signs).detach()},
                     {true, true}};
       }},
  };
}

std::vector<int> any_axes(const Shape& shape, HostRandom& random) {
  std::vector<int> axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (random.below(2) == 1) axes.push_back(axis);
  }
  return axes;
}

std::vector<OpRow> reduce_rows() {
  const auto reduction = [](auto fn, bool allow_empty) {
    return [fn, allow_empty](HostRandom& r) {
      const Shape shape = allow_empty ? any_shape(r) : Shape{small(r), extent(r, false), small(r)};
      const std::vector<int> axes = any_axes(shape, r);
      const bool keep = r.below(2) == 1;
      return unary(random_tensor(shape, r), [=](const Tensor& x) { return fn(x, axes, keep); });
    };
  };
  return {
      {"sum", "reduce", reduction(sum, true)},
      {"mean", "reduce", reduction(mean, false)},
      {"broadcast_to", "reduce",
       [](HostRandom& r) {
         const auto [a, b] = broadcast_pair(r);
         const Shape shape = broadcast(a, b);
         return unary(random_tensor(b, r), [=](const Tensor& x) { return broadcast_to(x, shape); });
       }},
      {"sum_to", "reduce",
       [](HostRandom& r) {
         const auto [a, b] = broadcast_pair(r);
         const Shape target = b;
         return unary(random_tensor(broadcast(a, b), r), [=](const Tensor& x) { return sum_to(x, target); });
       }},
      {"row_norm", "reduce",
       [](HostRandom& r) {
         return unary(random_tensor(matrix_shape(r), r), [](const Tensor& x) { return row_norm(x); });
       },
       [](const Inputs& in) { return sqrt(sum(square(in[0]), {1})); }},
  };
}

std::vector<OpRow> matmul_rows() {
  return {
      {"matmul", "matmul",
       [](HostRandom& r) {
         const bool ta = r.below(2) == 1, tb = r.below(2) == 1;
         const int64_t m = extent(r), k = extent(r), n = extent(r);
         return Case{
             [=](const Inputs& in) { return matmul(in[0], in[1], ta, tb); },
             {random_tensor(ta ? Shape{k, m} : Shape{m, k}, r), random_tensor(tb ? Shape{n, k} : Shape{k, n}, r)},
             {true, true}};
       }},
      {"linear", "matmul",
       [](HostRandom& r) {  // positive x and rows of one sign keep the pre-activation away from 0, means near it: in
                            // float32 the 1 - y^2 of a saturated tanh is rounding alone
         const Activation activation = r.below(6) == 0 ? falling_activation : any_activation(r);
         const int64_t b = extent(r), in_size = small(r, 1, 5), out = extent(r, false);
         const Tensor signs = sign(random_tensor({out, 1}, r));
         const Tensor weight = scale_shift(positive({out, in_size}, r), 1 / static_cast<double>(in_size), 0);
         return Case{[=](const Inputs& in) { return linear(in[0], in[1], in[2], activation); },
                     {positive({b, in_size}, r), mul(weight, signs).detach(),
                      reshape(mul(positive({out, 1}, r), signs), {out}).detach()},
                     {true, true, true}};
       }},
  };
}

std::vector<OpRow> shape_rows() {
  return {
      {"reshape", "shape",
       [](HostRandom& r) {
         const Shape shape{small(r), extent(r), small(r)};
         const Shape target{shape[2], shape[0] * shape[1]};
         return unary(random_tensor(shape, r), [=](const Tensor& x) { return reshape(x, target); });
       }},
      {"transpose", "shape",
       [](HostRandom& r) {
         const Shape shape{small(r), extent(r), small(r), small(r)};
         std::vector<int> order{0, 1, 2, 3};
         for (size_t i = 3; i > 0; --i)
           std::swap(order[i], order[static_cast<size_t>(r.below(static_cast<int64_t>(i) + 1))]);
         return unary(random_tensor(shape, r), [=](const Tensor& x) { return transpose(x, order); });
       }},
      {"concat", "shape",
       [](HostRandom& r) {
         const int axis = static_cast<int>(r.below(3));
         const Shape shape{small(r), small(r), small(r)};
         return Case{[=](const Inputs& in) { return concat(in, axis); },
                     {random_tensor(shape.with(axis, extent(r)), r), random_tensor(shape.with(axis, extent(r)), r),
                      random_tensor(shape.with(axis, 2), r)},
                     {true, true, true}};
       }},
      {"slice", "shape",
       [](HostRandom& r) {
         const int axis = static_cast<int>(r.below(3));
         const Shape shape = Shape{small(r), small(r), small(r)}.with(axis, extent(r));
         const int64_t begin = r.below(shape[axis] + 1), end = begin + r.below(shape[axis] - begin + 1);
         return unary(random_tensor(shape, r), [=](const Tensor& x) { return slice(x, axis, begin, end); });
       }},
      {"slice_backward", "shape",
       [](HostRandom& r) {
         const int axis = static_cast<int>(r.below(3));
         const Shape shape = Shape{small(r), small(r), small(r)}.with(axis, extent(r));
         const int64_t begin = small(r, 0, 3), total = begin + shape[axis] + small(r, 0, 3);
         return unary(random_tensor(shape, r), [=](const Tensor& x) { return slice_backward(x, axis, begin, total); });
       }},
      {"gather_rows", "shape",
       [](HostRandom& r) {
         const int64_t rows = extent(r, false), picks = extent(r);
         std::vector<int64_t> index(static_cast<size_t>(picks));
         for (int64_t& i : index) i = r.below(rows);
         return Case{[](const Inputs& in) { return gather_rows(in[0], in[1]); },
                     {random_tensor({rows, small(r)}, r), from_host(index, {picks}, {DType::int64, {}})},
                     {true, false}};
       }},
      {"scatter_add_rows", "shape",
       [](HostRandom& r) {
         const int64_t rows = small(r), picks = extent(r);
         std::vector<int64_t> index(static_cast<size_t>(picks));
         for (int64_t& i : index) i = r.below(rows);
         return Case{[rows](const Inputs& in) { return scatter_add_rows(in[0], in[1], rows); },
                     {random_tensor({picks, small(r)}, r), from_host(index, {picks}, {DType::int64, {}})},
                     {true, false}};
       }},
  };
}

}  // namespace

const std::vector<OpRow>& op_table() {
  static const std::vector<OpRow> table = [] {
    std::vector<OpRow> all;
    for (const auto& rows : {arithmetic_rows(), pointwise_rows(), activation_rows(), reduce_rows(), matmul_rows(),
                             shape_rows(), layer_rows()}) {
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }();
  return table;
}

}  // namespace kantor::testing
