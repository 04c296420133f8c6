#include "tests/recorded_step.h"

#include "engine/rewrites.h"
#include "engine/step.h"
#include "tests/catch.h"

#include <algorithm>
#include <cmath>

namespace kantor::testing {

Outcome outcome(const std::function<RecordedStep()>& make, const std::string& rewrites, Device device) {
  const RewriteScope scope(rewrites);
  const RecordedStep made = make();
  Step step(made.step, device);
  for (int i = 0; i < 5; ++i) step();
  Outcome result{{}, step.launches()};
  for (const Tensor& tensor : made.results) {
    const auto values = tensor.to_vector<float>();
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i], difference = std::abs(x - y) / std::max(1.0, std::abs(x));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

Tensor normal_tensor(HostRandom& random, const Shape& shape, TensorOptions options) {
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (float& value : values) value = static_cast<float>(random.normal() * 0.5);
  return from_host(values, shape, options);
}

}  // namespace kantor::testing
