#include "models/nn/parametrization.h"

#include "engine/error.h"
#include "engine/op.h"

namespace kantor {
namespace {

constexpr double beta = 0.5;  // of Bjoerck's iteration

Tensor as_matrix(const Tensor& weight) {
  return reshape(weight, {weight.shape()[0], weight.shape().size_from(1)});
}

/// A row [1, N] over its norm; zero stays zero.
Tensor unit(const Tensor& row) {
  return row * reshape(safe_reciprocal(row_norm(row)), {1, 1});
}

}  // namespace

SingularPair right_singular(const Tensor& weight, const Tensor& u) {
  const RecordingScope off(false);
  const Tensor row = reshape(u, {1, u.size()});
  return {row, unit(matmul(row, as_matrix(weight)))};
}

SingularPair power_iteration(const Tensor& weight, const Tensor& u) {
  const RecordingScope off(false);
  const Tensor v = right_singular(weight, u).v;
  return {unit(matmul(v, as_matrix(weight), false, true)), v};
}

Tensor spectral_normalize(const Tensor& weight, const SingularPair& pair) {
  const Tensor sigma = sum(pair.u * matmul(pair.v, as_matrix(weight), false, true));
  return weight * safe_reciprocal(sigma);
}

Tensor weight_normalize(const Tensor& weight) {
  std::vector<int64_t> column(static_cast<size_t>(weight.rank()), 1);
  column[0] = weight.shape()[0];
  return weight * reshape(safe_reciprocal(row_norm(weight)), Shape(column));
}

Tensor bjorck_orthonormalize(const Tensor& weight, int iterations) {
  if (weight.rank() != 2) {
    throw ShapeError("bjorck_orthonormalize: " + describe(weight) + ": expected a matrix");
  }
  const bool wide = weight.shape()[0] <= weight.shape()[1];
  // The smaller of the two products: W W^T W = (W W^T) W = W (W^T W).
  const auto gram = [&](const Tensor& w) { return wide ? matmul(w, w, false, true) : matmul(w, w, true, false); };
  const auto cubed = [&](const Tensor& w, const Tensor& g) { return wide ? matmul(g, w) : matmul(w, g); };
  const Tensor start = gram(weight);
  const Tensor fourth_powers = row_norm(reshape(start, {1, start.size()}));  // sqrt of the sum of sigma^4
  Tensor w = weight * safe_reciprocal(sqrt(fourth_powers));
  for (int i = 0; i < iterations; ++i) w = w * (1 + beta) - cubed(w, gram(w)) * beta;
  return w;
}

}  // namespace kantor
