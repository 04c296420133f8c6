#include "bench/intervals.h"

#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

/// The median of sorted values.
double middle(const std::vector<double>& values) {
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// The interval from the k-th lowest to the k-th highest of sorted logarithms.
Ratio between(const std::vector<double>& logarithms, size_t k) {
  return {std::exp(middle(logarithms)), std::exp(logarithms[k - 1]), std::exp(logarithms[logarithms.size() - k])};
}

/// P(U = u) for u = 0 .. n m, U the count of Mann and Whitney for n and m values in random order: the largest of all is
/// one of the n with probability n / (n + m), and is then above all m.
std::vector<double> mann_whitney(size_t n, size_t m) {
  std::vector<std::vector<double>> before(m + 1, {1.0});  // of n - 1 values against 0 .. m
  for (size_t i = 1; i <= n; ++i) {
    std::vector<std::vector<double>> now{{1.0}};
    for (size_t j = 1; j <= m; ++j) {
      const double one = static_cast<double>(i) / static_cast<double>(i + j);
      std::vector<double> p(i * j + 1, 0.0);
      for (size_t u = 0; u < before[j].size(); ++u) p[u + j] += one * before[j][u];
      for (size_t u = 0; u < now[j - 1].size(); ++u) p[u] += (1 - one) * now[j - 1][u];
      now.push_back(std::move(p));
    }
    before = std::move(now);
  }
  return before[m];
}

/// The largest k with 2 P(U <= k - 1) <= 1 - level; 0 if there is none.
size_t rank_of(const std::vector<double>& probabilities, double level) {
  double below = 0;
  size_t k = 0;
  while (k < probabilities.size() && 2 * (below += probabilities[k]) <= 1 - level) ++k;
  return k;
}

/// Beyond these many pairs the distribution is taken as normal.
constexpr size_t exact_pairs = 2500;

size_t mann_whitney_rank(size_t n, size_t m, double level) {
  if (n * m <= exact_pairs) return rank_of(mann_whitney(n, m), level);
  double z = 0;  // of the two-sided level, by bisection: erf has no inverse in the library
  for (double step = 4; step > 1e-9; step /= 2) {
    if (std::erf((z + step) / std::sqrt(2.0)) <= level) z += step;
  }
  const double pairs = static_cast<double>(n * m);
  const double rank = pairs / 2 - z * std::sqrt(pairs * static_cast<double>(n + m + 1) / 12);
  return rank < 1 ? 0 : static_cast<size_t>(rank);
}

/// P(B = k) for k = 0 .. n, B of n fair coins.
std::vector<double> coins(size_t n) {
  std::vector<double> p{1.0};
  for (size_t i = 0; i < n; ++i) {
    p.push_back(0);
    for (size_t k = p.size(); k-- > 0;) p[k] = (p[k] + (k > 0 ? p[k - 1] : 0)) / 2;
  }
  return p;
}

double logarithm(double value) {
  if (!(value > 0) || !std::isfinite(value)) {
    throw Error(fmt::format("a time or ratio of {} cannot be compared; it must be above 0", value));
  }
  return std::log(value);
}

}  // namespace

std::optional<Ratio> ratio_of_samples(const std::vector<double>& a, const std::vector<double>& b, double level) {
  if (a.empty() || b.empty()) return std::nullopt;
  std::vector<double> ratios;
  ratios.reserve(a.size() * b.size());
  for (const double x : a) {
    for (const double y : b) ratios.push_back(logarithm(y) - logarithm(x));
  }
  const size_t k = mann_whitney_rank(a.size(), b.size(), level);
  if (k == 0) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  return between(ratios, k);
}

std::optional<Ratio> ratio_of_ratios(std::vector<double> ratios, double level) {
  for (double& ratio : ratios) ratio = logarithm(ratio);
  const size_t k = ratios.empty() ? 0 : rank_of(coins(ratios.size()), level);
  if (k == 0) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  return between(ratios, k);
}

int64_t fewest_ratios(double level) {
  int64_t n = 1;
  while (std::ldexp(1.0, static_cast<int>(1 - n)) > 1 - level) ++n;
  return n;
}

Change change_of(const Ratio& ratio, double least) {
  const double far = 1 + least;
  if (ratio.low > far) return Change::slower;
  if (ratio.high < 1 / far) return Change::faster;
  return ratio.low >= 1 / far && ratio.high <= far ? Change::same : Change::unclear;
}

std::string to_string(Change change) {
  switch (change) {
    case Change::same:
      return "same";
    case Change::faster:
      return "faster";
    case Change::slower:
      return "slower";
    case Change::unclear:
      break;
  }
  return "unclear";
}

}  // namespace kantor
