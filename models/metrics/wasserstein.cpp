// Exact W1 by optimal transport, sliced W1 by sorting, and the floor.
#include "models/metrics/wasserstein.h"

#include "engine/error.h"
#include "engine/random.h"
#include "kernels/host/threads.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <vector>

namespace kantor {

namespace {

/// Number of points. Throws where the two samples do not fit each other.
int64_t checked_count(std::span<const float> a, std::span<const float> b, int64_t dimensions) {
  if (dimensions < 1 || a.empty() || a.size() != b.size() || a.size() % static_cast<size_t>(dimensions) != 0)
    throw ShapeError(
        fmt::format("W1 of {} and {} values of {} dimensions: expected two samples of equal size, each a "
                    "positive multiple of the dimensions",
                    a.size(), b.size(), dimensions));
  for (const auto& sample : {a, b})
    for (size_t i = 0; i < sample.size(); ++i)
      if (!std::isfinite(sample[i]))
        throw NonFiniteError(fmt::format("W1: value {} of point {} of the {} sample is {}, expected finite numbers",
                                         i % static_cast<size_t>(dimensions), i / static_cast<size_t>(dimensions),
                                         sample.data() == a.data() ? "first" : "second", sample[i]));
  return static_cast<int64_t>(a.size()) / dimensions;
}

}  // namespace

Transport optimal_transport(std::span<const float> a, std::span<const float> b, int64_t dimensions) {
  checked_count(a, b, dimensions);
  return solve_transport(a, b, dimensions);
}

double transport_seconds(int64_t n) {
  return 0.1 * std::pow(static_cast<double>(n) / 1024, 2.3);
}

double wasserstein1(std::span<const float> a, std::span<const float> b, int64_t dimensions) {
  return optimal_transport(a, b, dimensions).distance;
}

double sliced_wasserstein1(std::span<const float> a, std::span<const float> b, int64_t dimensions, int directions,
                           uint64_t seed) {
  const int64_t n = checked_count(a, b, dimensions);
  if (directions < 1) throw ShapeError(fmt::format("sliced W1 over {} directions: expected at least 1", directions));
  HostRandom random(seed, 0);
  std::vector<double> direction(static_cast<size_t>(dimensions));
  const auto project = [&](std::span<const float> points) {
    std::vector<double> out(static_cast<size_t>(n));
    for (size_t i = 0; i < out.size(); ++i)
      for (size_t d = 0; d < direction.size(); ++d)
        out[i] += direction[d] * static_cast<double>(points[i * direction.size() + d]);
    std::sort(out.begin(), out.end());
    return out;
  };
  double total = 0;
  for (int k = 0; k < directions; ++k) {
    double norm = 0;
    while (norm == 0) {
      for (double& value : direction) value = random.normal();
      for (const double value : direction) norm += value * value;
    }
    for (double& value : direction) value /= std::sqrt(norm);
    const std::vector<double> left = project(a), right = project(b);
    for (size_t i = 0; i < left.size(); ++i) total += std::abs(left[i] - right[i]);
  }
  return total / static_cast<double>(n) / directions;
}

W1Floor w1_floor(const Dataset& data, int64_t samples, int pairs) {
  if (pairs < 2) throw ShapeError(fmt::format("W1 floor of {} pairs: expected at least 2, for the deviation", pairs));
  constexpr uint64_t seed = 20;
  std::vector<double> distances(static_cast<size_t>(pairs));
  host::for_each_piece(pairs, [&](int64_t pair) {
    const auto k = static_cast<uint64_t>(pair);
    distances[k] =
        wasserstein1(data.draw(seed, 0, k, samples), data.draw(seed, 1, k, samples), data.sample_shape().size());
  });

  W1Floor floor;
  for (const double value : distances) floor.mean += value / pairs;
  double squares = 0;
  for (const double value : distances) squares += (value - floor.mean) * (value - floor.mean);
  floor.deviation = std::sqrt(squares / (pairs - 1));
  return floor;
}

}  // namespace kantor
