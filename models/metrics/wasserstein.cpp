// Exact W1 by LEMON's network simplex on the complete bipartite graph, sliced W1 by sorting, and the floor.
#include "models/metrics/wasserstein.h"

#include "engine/device.h"
#include "engine/error.h"
#include "engine/random.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <fmt/format.h>
#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>
#include <numeric>
#include <thread>
#include <vector>

namespace kantor {

namespace {

using Graph = lemon::SmartDigraph;

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

double distance(const float* x, const float* y, int64_t dimensions) {
  double sum = 0;
  for (int64_t d = 0; d < dimensions; ++d) {
    const double difference = static_cast<double>(x[d]) - static_cast<double>(y[d]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

/// Distances as integers, by arc id = i n + j: the simplex is exact and cannot cycle on rounding.
struct CostMap {
  using Key = Graph::Arc;
  using Value = int64_t;
  const std::vector<int64_t>& costs;
  Value operator[](const Key& arc) const { return costs[static_cast<size_t>(Graph::id(arc))]; }
};

}  // namespace

Transport optimal_transport(std::span<const float> a, std::span<const float> b, int64_t dimensions) {
  const int64_t n = checked_count(a, b, dimensions);
  if (n > 32768)  // arc ids are int
    throw ShapeError(fmt::format("exact W1 of {} points: expected at most 32768; use fewer, or the sliced W1", n));
  const auto cost = [&](int64_t i, int64_t j) {
    return distance(a.data() + i * dimensions, b.data() + j * dimensions, dimensions);
  };
  double largest = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) largest = std::max(largest, cost(i, j));
  Transport result{0, std::vector<int64_t>(static_cast<size_t>(n))};
  if (largest == 0) {
    std::iota(result.match.begin(), result.match.end(), int64_t{0});
    return result;
  }

  // 2^40 for the largest: LEMON adds up to 2n costs in a potential, and 2^40 * 2^17 fits in 63 bits.
  const double scale = 0x1p40 / largest;
  Graph graph;
  graph.reserveNode(static_cast<int>(2 * n));
  graph.reserveArc(static_cast<int>(n * n));
  for (int64_t i = 0; i < 2 * n; ++i) graph.addNode();
  std::vector<int64_t> costs;
  costs.reserve(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      graph.addArc(Graph::nodeFromId(static_cast<int>(i)), Graph::nodeFromId(static_cast<int>(n + j)));
      costs.push_back(std::llround(cost(i, j) * scale));
    }

  lemon::NetworkSimplex<Graph, int, int64_t> simplex(graph);
  Graph::NodeMap<int> supply(graph);
  for (int64_t i = 0; i < 2 * n; ++i) supply[Graph::nodeFromId(static_cast<int>(i))] = i < n ? 1 : -1;
  simplex.costMap(CostMap{costs}).supplyMap(supply);
  if (simplex.run() != decltype(simplex)::OPTIMAL)
    throw Error(fmt::format("exact W1 of {} points: the network simplex found no optimum", n));

  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      if (simplex.flow(Graph::arcFromId(static_cast<int>(i * n + j))) != 0) {
        result.match[static_cast<size_t>(i)] = j;
        result.distance += cost(i, j);  // the true distances
      }
  result.distance /= static_cast<double>(n);
  return result;
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
  std::vector<std::exception_ptr> failures(distances.size());
  std::atomic<size_t> coming = 0;
  const auto work = [&] {
    for (size_t k = coming++; k < distances.size(); k = coming++) try {
        distances[k] =
            wasserstein1(data.draw(seed, 0, k, samples), data.draw(seed, 1, k, samples), data.sample_shape().size());
      } catch (...) {
        failures[k] = std::current_exception();
      }
  };
  {
    std::vector<std::jthread> team;
    for (int t = 1; t < std::min(threads(), pairs); ++t) team.emplace_back(work);
    work();
  }
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);

  W1Floor floor;
  for (const double value : distances) floor.mean += value / pairs;
  double squares = 0;
  for (const double value : distances) squares += (value - floor.mean) * (value - floor.mean);
  floor.deviation = std::sqrt(squares / (pairs - 1));
  return floor;
}

}  // namespace kantor
