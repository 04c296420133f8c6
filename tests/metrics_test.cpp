// Metrics: exact and sliced W1 against analytic cases, brute force and the published floors; mixture scores of planted
// samples; histograms.
#include "engine/random.h"
#include "engine/threads.h"
#include "models/data/open_dataset.h"
#include "models/metrics/histogram.h"
#include "models/metrics/mixture.h"
#include "models/metrics/wasserstein.h"
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace kantor;

namespace {

std::vector<float> normal_points(uint64_t seed, int64_t count, int64_t dimensions) {
  HostRandom random(seed, 0);
  std::vector<float> values(static_cast<size_t>(count * dimensions));
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

std::vector<float> reversed_points(const std::vector<float>& points, size_t dimensions) {
  std::vector<float> out;
  for (size_t i = points.size() / dimensions; i-- > 0;)
    out.insert(out.end(), points.begin() + static_cast<std::ptrdiff_t>(i * dimensions),
               points.begin() + static_cast<std::ptrdiff_t>((i + 1) * dimensions));
  return out;
}

/// The least mean distance over all matchings, one by one.
double brute_force(const std::vector<float>& a, const std::vector<float>& b, size_t dimensions) {
  std::vector<size_t> order(a.size() / dimensions);
  std::iota(order.begin(), order.end(), 0);
  double best = std::numeric_limits<double>::infinity();
  do {
    double total = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      double squares = 0;
      for (size_t d = 0; d < dimensions; ++d)
        squares += std::pow(double{a[i * dimensions + d]} - double{b[order[i] * dimensions + d]}, 2);
      total += std::sqrt(squares);
    }
    best = std::min(best, total / static_cast<double>(order.size()));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

}  // namespace

TEST_CASE("metrics: W1 of a shifted sample is the shift's length") {
  const std::vector<float> a = normal_points(1, 200, 2);
  std::vector<float> b = reversed_points(a, 2);
  for (size_t i = 0; i < b.size(); i += 2) b[i] += 3, b[i + 1] -= 4;
  CHECK(wasserstein1(a, b, 2) == Approx(5).epsilon(1e-6));
}

TEST_CASE("metrics: W1 of a permuted sample is exactly 0") {
  const std::vector<float> a = normal_points(2, 100, 3);
  CHECK(wasserstein1(a, reversed_points(a, 3), 3) == 0);
  CHECK(wasserstein1(std::vector<float>(6, 2), std::vector<float>(6, 2), 2) == 0);
}

TEST_CASE("metrics: W1 equals the best of all matchings") {
  for (uint64_t seed = 0; seed < 20; ++seed)
    for (const size_t dimensions : {size_t{1}, size_t{2}, size_t{5}}) {
      const auto d = static_cast<int64_t>(dimensions);
      const std::vector<float> a = normal_points(2 * seed + 100, 6, d), b = normal_points(2 * seed + 101, 6, d);
      CHECK(wasserstein1(a, b, d) == Approx(brute_force(a, b, dimensions)).epsilon(1e-10));
    }
}

TEST_CASE("metrics: W1 on a line matches sorted points, whatever the scale") {
  for (const float scale : {1e-20f, 1.0f, 1e15f}) {
    std::vector<float> a = normal_points(5, 300, 1), b = normal_points(6, 300, 1);
    for (float& x : a) x *= scale;
    for (float& x : b) x *= scale;
    const double exact = wasserstein1(a, b, 1), sliced = sliced_wasserstein1(a, b, 1, 3);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    double expected = 0;
    for (size_t i = 0; i < a.size(); ++i) expected += std::abs(double{a[i]} - double{b[i]}) / 300;
    CHECK(exact / expected == Approx(1).epsilon(1e-9));
    CHECK(sliced / expected == Approx(1).epsilon(1e-9));
  }
}

TEST_CASE("metrics: sliced W1 of a shift is its mean projection, below the exact W1") {
  const std::vector<float> a = normal_points(7, 50, 2);
  std::vector<float> b = a;
  for (size_t i = 0; i < b.size(); i += 2) b[i] += 2;
  // The mean of |cos| over the circle is 2/pi; 4,000 directions leave a deviation of 0.01.
  CHECK(sliced_wasserstein1(a, b, 2, 4000) == Approx(2 * 2 / 3.14159265).margin(0.04));
  const std::vector<float> c = normal_points(8, 50, 2);
  CHECK(sliced_wasserstein1(a, c, 2) < wasserstein1(a, c, 2));
}

TEST_CASE("metrics: W1 refuses samples that do not fit") {
  const std::vector<float> a(6), b(4);
  CHECK_THROWS_AS(wasserstein1(a, b, 2), ShapeError);
  CHECK_THROWS_AS(wasserstein1(a, a, 4), ShapeError);
  CHECK_THROWS_AS(wasserstein1({}, {}, 2), ShapeError);
  std::vector<float> bad = a;
  bad[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(wasserstein1(a, bad, 2), kantor::Contains("value 1 of point 1 of the second sample"));
}

TEST_CASE("metrics: W1 floors agree with the published ones") {
  // n = 1024 (SCIENCE.md); a mean of 20 pairs lies within 3 standard errors of a like mean: 3 sqrt(2/20) deviations.
  struct Row {
    const char* kind;
    double mean, deviation;
  };
  for (const Row& row :
       {Row{"gaussians8", 0.080, 0.020}, Row{"gaussians25", 0.090, 0.014}, Row{"swissroll", 0.090, 0.015}}) {
    INFO(row.kind);
    const W1Floor floor = w1_floor(*open_dataset({row.kind, ""}), 1024);
    CHECK(floor.mean == Approx(row.mean).margin(3 * std::sqrt(0.1) * row.deviation));
    CHECK(floor.deviation > row.deviation / 2);
    CHECK(floor.deviation < row.deviation * 2);
  }
}

TEST_CASE("metrics: W1 floor does not depend on the threads") {
  const auto data = open_dataset({"swissroll", ""});
  const int before = threads();
  set_threads(1);
  const W1Floor one = w1_floor(*data, 64);
  set_threads(3);
  const W1Floor three = w1_floor(*data, 64);
  set_threads(before);
  CHECK(one.mean == three.mean);
  CHECK(one.deviation == three.deviation);
}

TEST_CASE("metrics: W1 of data against data plus unit noise") {
  struct Row {
    const char* kind;
    double mean;
  };
  for (const Row& row : {Row{"gaussians8", 0.84}, Row{"gaussians25", 0.62}, Row{"swissroll", 0.61}}) {
    INFO(row.kind);
    const auto data = open_dataset({row.kind, ""});
    double mean = 0;
    for (uint64_t k = 0; k < 3; ++k) {
      const std::vector<float> noise = normal_points(k + 40, 1024, 2);
      std::vector<float> noisy = data->draw(1, 1, k, 1024);
      for (size_t i = 0; i < noisy.size(); ++i) noisy[i] += noise[i];
      mean += wasserstein1(data->draw(1, 0, k, 1024), noisy, 2) / 3;
    }
    CHECK(mean == Approx(row.mean).margin(0.05));
  }
}

TEST_CASE("metrics: mixture score of planted samples") {
  const Mixture two{{0, 0, 10, 0}, 0.1};
  // Three at the first mode, one of them 3.5 sigma off; one nearest to the second, out of reach.
  const MixtureScore score = score_mixture(std::vector<float>{0, 0, 0.29f, 0, 0, 0.35f, 9, 0}, two);
  CHECK(score.modes == 1);
  CHECK(score.mode_count == 2);
  CHECK(score.high_quality == 0.5);
  CHECK(score.counts == std::vector<int64_t>{3, 1});
  CHECK(score.reverse_kl == Approx(0.75 * std::log(1.5) + 0.25 * std::log(0.5)));
  CHECK(score_mixture(std::vector<float>{0, 0, 10, 0}, two).reverse_kl == Approx(0).margin(1e-15));
  CHECK(score_mixture(std::vector<float>{0, 0}, two).reverse_kl == Approx(std::log(2)));
}

TEST_CASE("metrics: mixture score of real samples") {
  for (const char* kind : {"gaussians8", "gaussians25"}) {
    INFO(kind);
    const auto data = open_dataset({kind, ""});
    const MixtureScore score = score_mixture(data->draw(3, 0, 0, 2500), *data->mixture());
    CHECK(score.modes == score.mode_count);
    CHECK(score.high_quality == Approx(1 - std::exp(-4.5)).margin(0.01));  // a 2-D Gaussian within 3 sigma
    CHECK(score.reverse_kl < 0.02);
  }
}

TEST_CASE("metrics: mixture score refuses what it cannot judge") {
  const Mixture one{{0, 0}, 1};
  CHECK_THROWS_AS(score_mixture({}, one), ShapeError);
  CHECK_THROWS_AS(score_mixture(std::vector<float>{1, 2, 3}, one), ShapeError);
  CHECK_THROWS_AS(score_mixture(std::vector<float>{1, std::numeric_limits<float>::infinity()}, one), NonFiniteError);
}

TEST_CASE("metrics: histograms put every number into one bin") {
  const std::vector<double> values{-5, 0, 0.49, 0.5, 0.99, 1, 7, std::nan("")};
  CHECK(make_histogram(std::span(values), 0, 1, 2).counts == std::vector<int64_t>{3, 4});
  const Histogram whole = make_histogram(std::span(values), 4);
  CHECK(whole.low == -5);
  CHECK(whole.high == 7);
  CHECK(whole.counts == std::vector<int64_t>{1, 4, 1, 1});
  const std::vector<float> same{2, 2};
  CHECK(make_histogram(std::span(same), 4).counts == std::vector<int64_t>{0, 0, 2, 0});
  CHECK_THROWS_AS(make_histogram(std::span(values), 1, 1, 2), ShapeError);
}

TEST_CASE("metrics: summary and quantiles by hand") {
  const std::vector<float> values{4, 1, 3, 2};
  const Summary summary = summarize(std::span(values));
  CHECK(summary.mean == 2.5);
  CHECK(summary.deviation == Approx(std::sqrt(1.25)));
  CHECK(summary.min == 1);
  CHECK(summary.max == 4);
  CHECK(quantile(std::span(values), 0) == 1);
  CHECK(quantile(std::span(values), 0.5) == 2.5);
  CHECK(quantile(std::span(values), 1) == 4);
  CHECK(quantile(std::span(values), 0.25) == 1.75);
}
