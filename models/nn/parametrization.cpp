#include "models/nn/parametrization.h"

#include "engine/error.h"
#include "engine/grad_mode.h"

#include <fmt/format.h>

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

void require_matrix(const char* who, const Tensor& weight) {
  if (weight.rank() != 2) throw ShapeError(fmt::format("{}: {}: expected a matrix", who, describe(weight)));
}

bool wide(const Tensor& w) {
  return w.shape()[0] <= w.shape()[1];
}
/// The smaller of W W^T and W^T W.
Tensor gram(const Tensor& w) {
  return wide(w) ? matmul(w, w, false, true) : matmul(w, w, true, false);
}
/// (1 + beta) W - beta W W^T W, where W W^T W = (W W^T) W = W (W^T W).
Tensor iterate(const Tensor& w) {
  const Tensor cubed = wide(w) ? matmul(gram(w), w) : matmul(w, gram(w));
  return w * (1 + beta) - cubed * beta;
}

}  // namespace

SingularPair right_singular(const Tensor& weight, const Tensor& u) {
  const NoGrad no_grad;
  const Tensor row = reshape(u, {1, u.size()});
  return {row, unit(matmul(row, as_matrix(weight)))};
}

SingularPair power_iteration(const Tensor& weight, const Tensor& u) {
  const NoGrad no_grad;
  const Tensor v = right_singular(weight, u).v;
  return {unit(matmul(v, as_matrix(weight), false, true)), v};
}

Tensor spectral_normalize(const Tensor& weight, const SingularPair& pair, bool detached) {
  const Tensor sigma = sum(pair.u * matmul(pair.v, as_matrix(detached ? weight.detach() : weight), false, true));
  return weight * safe_reciprocal(sigma);
}

Tensor weight_normalize(const Tensor& weight) {
  std::vector<int64_t> column(static_cast<size_t>(weight.rank()), 1);
  column[0] = weight.shape()[0];
  return weight * reshape(safe_reciprocal(row_norm(weight)), Shape(column));
}

Tensor bjorck_orthonormalize(const Tensor& weight, int iterations) {
  require_matrix("bjorck_orthonormalize", weight);
  const Tensor start = gram(weight);
  const Tensor fourth_powers = row_norm(reshape(start, {1, start.size()}));  // sqrt of the sum of sigma^4
  Tensor w = weight * safe_reciprocal(sqrt(fourth_powers));
  for (int i = 0; i < iterations; ++i) w = iterate(w);
  return w;
}

Tensor orthonormal_step(const Tensor& weight) {
  require_matrix("orthonormal_step", weight);
  return iterate(weight);
}

}  // namespace kantor
