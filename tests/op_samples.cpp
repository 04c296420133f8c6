#include "tests/op_samples.h"

#include <cmath>

namespace kantor::testing {

int64_t extent(HostRandom& random, bool allow_empty) {
  constexpr int64_t extents[] = {0, 1, 31, 32, 33, 257, 2, 5};
  const int64_t skip = allow_empty ? 0 : 1;
  return extents[static_cast<size_t>(skip + random.below(8 - skip))];
}

int64_t small(HostRandom& random, int64_t low, int64_t high) {
  return low + random.below(high - low + 1);
}

Tensor positive(const Shape& shape, HostRandom& random) {
  Tensor x = random_tensor(shape, random);
  std::vector<double> values = x.to_vector<double>();
  for (double& value : values) value = std::abs(value);
  return from_host(values, shape, {DType::float64, {}});
}

Case unary(const Tensor& x, const std::function<Tensor(const Tensor&)>& fn) {
  return {[fn](const std::vector<Tensor>& in) { return fn(in[0]); }, {x}, {true}};
}

Activation any_activation(HostRandom& random) {
  return {static_cast<Activation::Kind>(random.below(6)), 0.2};
}

}  // namespace kantor::testing
