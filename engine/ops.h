// Every differentiable op of the engine. Shapes stand in brackets: B rows (samples), H x W pixels, C channels (NHWC).
// All throw ShapeError, DTypeError or DeviceError naming the op and its inputs.
#pragma once

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/activation.h"
#include "kernels/penalty_kind.h"

#include <string_view>
#include <vector>

namespace kantor {

// ---- arithmetic, with broadcasting aligned at the last axis (ops/arithmetic.cpp)
/// a + b, a - b, a * b and a / b, element by element.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
/// Larger of two; at a tie the gradient goes to `a`. NaN in either gives NaN.
Tensor maximum(const Tensor& a, const Tensor& b);
/// 1 where a >= b, else 0; no gradient.
Tensor greater_equal(const Tensor& a, const Tensor& b);
/// a*x + b.
Tensor scale_shift(const Tensor& x, double a, double b);

/// The same as operators, also with a number on either side.
inline Tensor operator+(const Tensor& a, const Tensor& b) {
  return add(a, b);
}
inline Tensor operator-(const Tensor& a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator*(const Tensor& a, const Tensor& b) {
  return mul(a, b);
}
inline Tensor operator/(const Tensor& a, const Tensor& b) {
  return div(a, b);
}
inline Tensor operator+(const Tensor& a, double b) {
  return scale_shift(a, 1, b);
}
inline Tensor operator-(const Tensor& a, double b) {
  return scale_shift(a, 1, -b);
}
inline Tensor operator*(const Tensor& a, double b) {
  return scale_shift(a, b, 0);
}
inline Tensor operator/(const Tensor& a, double b) {
  return scale_shift(a, 1 / b, 0);
}
inline Tensor operator+(double a, const Tensor& b) {
  return scale_shift(b, 1, a);
}
inline Tensor operator-(double a, const Tensor& b) {
  return scale_shift(b, -1, a);
}
inline Tensor operator*(double a, const Tensor& b) {
  return scale_shift(b, a, 0);
}
/// a / b; as 0 / 0, a NaN, where a and an element of b are 0.
Tensor operator/(double a, const Tensor& b);
/// -a.
inline Tensor operator-(const Tensor& a) {
  return scale_shift(a, -1, 0);
}

// ---- pointwise functions (ops/pointwise.cpp)
/// The function of each element, with the special values of C's functions: sqrt(-1) is NaN.
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor pow(const Tensor& x, double exponent);
/// Derivative 0 at 0.
Tensor abs(const Tensor& x);
/// -1, 0 or 1; no gradient.
Tensor sign(const Tensor& x);
/// Limited to [low, high]; the gradient passes where low <= x <= high. NaN stays NaN.
Tensor clamp(const Tensor& x, double low, double high);
/// 1/x, and 0 where x == 0: the inverse norm of a zero gradient counts as 0.
Tensor safe_reciprocal(const Tensor& x);

// ---- activations (ops/activation.cpp): Activation is kernels/activation.h's
/// Whether a leaky ReLU may have this slope: finite, in float32 too. It may be negative, also where an op fuses it.
bool usable_slope(double slope);
/// f(x). This and every op that takes an Activation throws Error for a slope that is not usable.
Tensor activate(const Tensor& x, Activation activation);
inline Tensor relu(const Tensor& x) {
  return activate(x, {Activation::Kind::relu});
}
inline Tensor leaky_relu(const Tensor& x, double slope = 0.2) {
  return activate(x, {Activation::Kind::leaky_relu, slope});
}
inline Tensor tanh(const Tensor& x) {
  return activate(x, {Activation::Kind::tanh});
}
inline Tensor sigmoid(const Tensor& x) {
  return activate(x, {Activation::Kind::sigmoid});
}
inline Tensor softplus(const Tensor& x) {
  return activate(x, {Activation::Kind::softplus});
}
/// g * f'(x), with f' written in terms of the output y = f(x). Throws Error for a leaky ReLU of negative slope, whose
/// f' is no function of y.
Tensor activation_grad(const Tensor& g, const Tensor& y, Activation activation);
/// f(x + bias): x [..., C], bias [C].
Tensor bias_activate(const Tensor& x, const Tensor& bias, Activation activation);
/// Exchanges each pair (2i, 2i + 1) of the last axis whose pair in `key` (of x's shape) is descending. Equal values
/// and NaN stay in place. There is no gradient by `key` (ops/group_sort.cpp).
Tensor maxmin(const Tensor& x, const Tensor& key);
/// Sorts each `group` neighbours of the last axis, NaN last, equal values in their old order; also gives the index in
/// its group that each had (int64, of x's shape). Only the values have a derivative. Throws ShapeError unless `group`
/// divides the axis.
struct SortedGroups {
  Tensor values, origin;
};
SortedGroups sort_groups(const Tensor& x, int64_t group);
/// y[k] = x[origin[k]] in each group of the last axis, `back`: y[origin[k]] = x[k]. `origin` as sort_groups gives it: a
/// permutation of each group, which is not checked.
Tensor permute_groups(const Tensor& x, const Tensor& origin, int64_t group, bool back);
/// GroupSort: groups of the last axis in ascending order (Anil, Lucas and Grosse 2019); of 2 it is MaxMin.
Tensor group_sort(const Tensor& x, int64_t group = 2);

// ---- reductions (ops/reduce.cpp)
/// Sum over `axes` (all where empty); they stay as extent 1 where `keepdims`.
Tensor sum(const Tensor& x, std::vector<int> axes = {}, bool keepdims = false);
Tensor mean(const Tensor& x, std::vector<int> axes = {}, bool keepdims = false);
/// x repeated to `shape`; the derivative is sum_to.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// Summed down to `shape`, the inverse of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// L2 norm of each sample over all its axes: [B, ...] -> [B]. Right from 1e-30 to 1e30; derivative 0 at 0.
Tensor row_norm(const Tensor& x);

// ---- matrix products (ops/matmul.cpp)
/// op(a) op(b) with op the transposition where the flag is set: [M, K] x [K, N] -> [M, N].
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);
/// f(x W^T + b): x [B, in], weight [out, in], bias [out] or undefined -> [B, out].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation = {});

// ---- shape (ops/shape.cpp)
/// The same elements in another shape of the same size; shares the memory.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Axes reordered: output axis i is input axis order[i]. Copies.
Tensor transpose(const Tensor& x, std::vector<int> order);
Tensor concat(const std::vector<Tensor>& xs, int axis = 0);
/// [begin, end) of one axis; along axis 0 it shares the memory.
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);
/// x at [begin, begin + its extent) of an axis of extent `total`, zeros elsewhere: the derivative of slice.
Tensor slice_backward(const Tensor& x, int axis, int64_t begin, int64_t total);
/// Rows of x [N, ...] by index [M] (int64) -> [M, ...].
Tensor gather_rows(const Tensor& x, const Tensor& index);
/// Rows of x [M, ...] added into `rows` zero rows by index, in order: the derivative of gather_rows.
Tensor scatter_add_rows(const Tensor& x, const Tensor& index, int64_t rows);

// ---- convolution, NHWC (ops/conv2d.cpp): partials of one trilinear form in (input, filter, output gradient)
/// Stride and zero padding of a convolution, the same along height and width.
struct ConvParams {
  int64_t stride = 1;
  int64_t padding = 0;
  friend bool operator==(const ConvParams&, const ConvParams&) = default;
};
/// f(x * filter + bias): x [B, H, W, C], filter [O, kh, kw, C], bias [O] or undefined -> [B, H', W', O] with
/// H' = (H + 2 padding - kh) / stride + 1.
Tensor conv2d(const Tensor& x, const Tensor& filter, ConvParams window, const Tensor& bias = {},
              Activation activation = {});
/// d <g, conv2d(x, filter)> / dx: g [B, H', W', O] -> [B, height, width, C]. Also the transposed convolution of g,
/// whose layer is f(. + bias): bias [C] or undefined.
Tensor conv2d_input_grad(const Tensor& g, const Tensor& filter, ConvParams window, int64_t height, int64_t width,
                         const Tensor& bias = {}, Activation activation = {});
/// d <g, conv2d(x, filter)> / dfilter -> [O, kernel_height, kernel_width, C].
Tensor conv2d_weight_grad(const Tensor& x, const Tensor& g, ConvParams window, int64_t kernel_height,
                          int64_t kernel_width);

// ---- normalization (ops/norm.cpp)
/// A normalized batch, and the statistics by which it was normalized.
struct BatchNormResult {
  Tensor y, mean, variance;  // mean and (biased) variance [C], of this batch
};
/// Over all axes but the last: x [..., C], gamma and beta [C] (Ioffe and Szegedy 2015), with the batch's statistics.
BatchNormResult batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon = 1e-5);
/// The same with given statistics [C].
Tensor batch_norm_fixed(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                        const Tensor& variance, double epsilon = 1e-5);
/// Over all axes but the first: x [B, ...], gamma and beta of one sample's shape (Ba et al. 2016).
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon = 1e-5);

// ---- gradient penalty (ops/gradient_penalty.cpp): PenaltyKind is kernels/penalty_kind.h's
/// eps x + (1 - eps) x_fake, one eps [B] per sample (Gulrajani et al. 2017, algorithm 1).
Tensor interpolate(const Tensor& real, const Tensor& fake, const Tensor& eps);
/// The same with eps = uniform([B], draw), drawn where it is used.
Tensor interpolate(const Tensor& real, const Tensor& fake, const Draw& draw);

/// A gradient penalty with what one pass over the gradients gives besides.
struct PenaltyResult {
  Tensor value;       // []
  Tensor derivative;  // d value / d g, of g's shape
  Tensor norms;       // [B], n = |g| over all axes of a sample
};
/// Penalty of input gradients g [B, ...]: value, derivative and norms in one pass over g. At |g| = 0 the derivative is
/// 0.
PenaltyResult gradient_penalty(const Tensor& g, PenaltyKind kind, double coefficient);
/// The same value in ordinary ops, for tests and to read.
Tensor gradient_penalty_reference(const Tensor& g, PenaltyKind kind, double coefficient);

}  // namespace kantor
