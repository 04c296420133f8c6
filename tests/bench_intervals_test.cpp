// The intervals by which `kantor bench compare` and `ab` judge: ranks, coverage, verdicts.
#include "bench/intervals.h"
#include "engine/error.h"
#include "tests/catch.h"

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

using namespace kantor;

TEST_CASE("bench compare: the ranks of intervals are those of the published tables") {
  // Two-sided 1 % points. Mann and Whitney: at 5 and 5 values U = 0 has 2/252; at 10 and 10, U <= 16 (tables: 16).
  const std::vector<double> ones(5, 1.0), four(4, 1.0);
  CHECK(ratio_of_samples(ones, ones, 0.99).has_value());
  CHECK_FALSE(ratio_of_samples(four, four, 0.99).has_value());
  CHECK_FALSE(ratio_of_samples({}, ones, 0.99).has_value());
  std::vector<double> a(10, 1.0), b;
  for (int i = 0; i < 10; ++i) b.push_back(std::exp(i));  // ratios exp(0) ten times, exp(1) ten times, ...
  const Ratio ratio = ratio_of_samples(a, b, 0.99).value();
  CHECK(ratio.low == Approx(std::exp(1.0)));   // the 17th lowest of 100
  CHECK(ratio.high == Approx(std::exp(8.0)));  // the 17th highest
  CHECK(ratio.value == Approx(std::exp(4.5)));
  // The sign test: 8 values are needed for 1 %; of 12, the second lowest and highest (2 * 13 / 4096 = 0.6 %).
  CHECK(fewest_ratios(0.99) == 8);
  CHECK_FALSE(ratio_of_ratios(std::vector<double>(7, 1.0), 0.99).has_value());
  std::vector<double> twelve;
  for (int i = 12; i >= 1; --i) twelve.push_back(i);
  const Ratio sign = ratio_of_ratios(twelve, 0.99).value();
  CHECK(sign.low == Approx(2));
  CHECK(sign.high == Approx(11));
  CHECK(sign.value == Approx(std::sqrt(42.0)));
  for (const double wrong : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(ratio_of_ratios({1, 1, 1, 1, 1, 1, 1, wrong}, 0.99), Error);
    CHECK_THROWS_AS(ratio_of_samples(ones, {1, 1, 1, 1, wrong}, 0.99), Error);
  }
}

TEST_CASE("bench compare: intervals hold the true ratio as often as they say, for skewed times") {
  std::mt19937_64 random(1);
  std::exponential_distribution<double> skewed(1);
  const auto times = [&](size_t n, double scale) {
    std::vector<double> values(n);
    for (double& value : values) value = scale * (1 + 0.3 * skewed(random));
    return values;
  };
  int samples = 0, ratios = 0;
  constexpr int trials = 2000;
  for (int i = 0; i < trials; ++i) {
    const Ratio apart = ratio_of_samples(times(9, 1), times(7, 1.1), 0.9).value();
    samples += apart.low <= 1.1 && 1.1 <= apart.high ? 1 : 0;
    std::vector<double> pairs = times(12, 1);
    const std::vector<double> other = times(12, 1.1);
    for (size_t k = 0; k < pairs.size(); ++k) pairs[k] = other[k] / pairs[k];
    const Ratio beside = ratio_of_ratios(pairs, 0.9).value();
    ratios += beside.low <= 1.1 && 1.1 <= beside.high ? 1 : 0;
  }
  // At least 90 % by the theory; 1,746 are four standard errors below.
  CHECK(samples >= 1746);
  CHECK(ratios >= 1746);
  // Large numbers of samples go by the normal distribution, which must meet the exact one: widths of 50 and 51 values.
  const auto around_one = [](int count) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) values.push_back(1 + 0.01 * (i - count / 2));
    return values;
  };
  const std::vector<double> a = around_one(50), b = around_one(51);
  const Ratio exact = ratio_of_samples(a, a, 0.99).value(), normal = ratio_of_samples(b, b, 0.99).value();
  CHECK(normal.high / normal.low == Approx(exact.high / exact.low).epsilon(0.02));
}

TEST_CASE("bench compare: verdicts") {
  CHECK(change_of({1, 0.99, 1.01}, 0.02) == Change::same);
  CHECK(change_of({1, 0.97, 1.01}, 0.02) == Change::unclear);
  CHECK(change_of({1.05, 1.03, 1.07}, 0.02) == Change::slower);
  CHECK(change_of({1.05, 1.01, 1.07}, 0.02) == Change::unclear);
  CHECK(change_of({0.9, 0.85, 0.95}, 0.02) == Change::faster);
  CHECK(change_of({1, 1, 1}, 0) == Change::same);
  CHECK(change_of({1.001, 1.0005, 1.002}, 0) == Change::slower);
}
