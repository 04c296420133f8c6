// Batch norm and layer norm with their derivatives against the plain formulas: bands and chunks that end anywhere,
// values far from zero, and an outlier in the row that the CPU's variance starts from.
#include "engine/autograd.h"
#include "engine/error.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "engine/threads.h"
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace kantor;

namespace {

using Values = std::vector<double>;

struct Normalized {
  Values y, dx, dgamma, dbeta;
};

/// Of x [rows, columns], over the rows of each column (batch norm) or over the columns of each row (layer norm).
Normalized plain(const Values& x, const Values& gamma, const Values& beta, const Values& dy, size_t columns, bool batch,
                 double epsilon) {
  const size_t rows = x.size() / columns, groups = batch ? columns : rows, n = batch ? rows : columns;
  Normalized result{Values(x.size()), Values(x.size()), Values(columns), Values(columns)};
  for (size_t group = 0; group < groups; ++group) {
    const auto at = [&](size_t k) { return batch ? k * columns + group : group * columns + k; };
    const auto mean_of = [&](const auto& value) {
      double sum = 0;
      for (size_t k = 0; k < n; ++k) sum += value(at(k), at(k) % columns);
      return sum / static_cast<double>(n);
    };
    const double mean = mean_of([&](size_t i, size_t) { return x[i]; });
    const double variance = mean_of([&](size_t i, size_t) { return (x[i] - mean) * (x[i] - mean); });
    const double scale = 1 / std::sqrt(variance + epsilon);
    const double shift = mean_of([&](size_t i, size_t c) { return dy[i] * gamma[c]; });
    const double slope = mean_of([&](size_t i, size_t c) { return dy[i] * gamma[c] * (x[i] - mean) * scale; });
    for (size_t k = 0; k < n; ++k) {
      const size_t i = at(k), c = i % columns;
      const double normal = (x[i] - mean) * scale;
      result.y[i] = normal * gamma[c] + beta[c];
      result.dx[i] = (dy[i] * gamma[c] - shift - normal * slope) * scale;
      result.dgamma[c] += dy[i] * normal;
      result.dbeta[c] += dy[i];
    }
  }
  return result;
}

/// Largest distance, against the largest value.
double distance(const Values& found, const Values& expected) {
  double worst = 0, largest = 1e-300;
  for (size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::abs(found[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

Values drawn(HostRandom& random, int64_t count, double mean) {
  Values values(static_cast<size_t>(count));
  for (double& value : values) value = static_cast<double>(static_cast<float>(mean + random.normal()));
  return values;
}

}  // namespace

TEST_CASE("norm: batch norm, layer norm and their derivatives are the plain formulas, across bands and chunks") {
  struct Size {
    int64_t rows, columns;
    double mean;
    bool outlier;
  };
  const int before = threads();
  for (const auto& [rows, columns, mean, outlier] :
       {Size{1, 40, 0, false}, Size{5, 3, 30, false}, Size{700, 128, 0, true}, Size{129, 64, 1000, false},
        Size{33'001, 1, 100, true}, Size{17, 2500, 3, false}, Size{9, 1025, 0, true}}) {
    HostRandom random(2026, 50, static_cast<uint64_t>(rows));
    Values x = drawn(random, rows * columns, mean), gamma = drawn(random, columns, 1), beta = drawn(random, columns, 0);
    const Values dy = drawn(random, rows * columns, 0.5);
    for (size_t i = 0; outlier && i < static_cast<size_t>(columns); ++i) x[i] = 1e4;
    for (const bool batch : {true, false}) {
      if ((batch ? rows : columns) == 1) continue;  // its derivative is zero but for rounding
      const Normalized expected = plain(x, gamma, beta, dy, static_cast<size_t>(columns), batch, 1e-5);
      for (const DType dtype : {DType::float32, DType::float64}) {
        INFO((batch ? "batch" : "layer") << " norm of " << rows << " x " << columns << ", " << to_string(dtype));
        const Tensor in = from_host(x, {rows, columns}, {dtype}), g = from_host(gamma, {columns}, {dtype}),
                     b = from_host(beta, {columns}, {dtype}), seed = from_host(dy, {rows, columns}, {dtype});
        const auto run = [&] {
          const Tensor y = batch ? batch_norm(in, g, b, 1e-5).y : layer_norm(in, g, b, 1e-5);
          std::vector<Tensor> all = grad(y, {in, g, b}, {.seed = seed});
          all.push_back(y);
          std::vector<Values> values;
          for (const Tensor& one : all) values.push_back(one.to_vector<double>());
          return values;
        };
        set_threads(1);
        const auto found = run();
        for (const int count : {2, 3}) {
          set_threads(count);
          CHECK(run() == found);
        }
        // An input in float32 is its neighbour's 2^-24, which the scale makes larger where the values are far from
        // zero.
        const double rounding = dtype == DType::float64 ? 1e-10 : 1e-6 * (1 + mean + (outlier ? 30 : 0));
        CHECK(distance(found[0], expected.dx) < rounding);
        CHECK(distance(found[1], expected.dgamma) < rounding);
        CHECK(distance(found[2], expected.dbeta) < rounding);
        CHECK(distance(found[3], expected.y) < rounding);
      }
    }
  }
  set_threads(before);
}
