#include "models/metrics/interval.h"

#include "engine/error.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numbers>

namespace kantor {
namespace {

constexpr double confidence = 0.95;

/// t with student_probability(t, degrees) = confidence, by bisection: 12.706 for one degree is the largest.
double critical_value(int64_t degrees) {
  double low = 0, high = 13;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_probability(middle, degrees) < confidence ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double student_probability(double t, int64_t degrees) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const bool odd = degrees % 2 != 0;
  double term = odd ? cosine : 1, series = degrees == 1 ? 0 : term;
  for (int64_t k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    series += term;
  }
  return odd ? 2 / std::numbers::pi * (angle + sine * series) : sine * series;
}

Interval confidence_interval(std::span<const double> values) {
  if (values.empty()) throw ShapeError("the interval of an empty list: expected at least one value");
  const auto n = static_cast<double>(values.size());
  Interval result;
  result.count = static_cast<int64_t>(values.size());
  for (const double value : values) {
    if (!std::isfinite(value)) throw NonFiniteError(fmt::format("an interval of values with {} among them", value));
    result.mean += value / n;
  }
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  double half = std::numeric_limits<double>::infinity();
  if (values.size() > 1) half = critical_value(result.count - 1) * std::sqrt(squares / (n - 1) / n);
  result.low = result.mean - half;
  result.high = result.mean + half;
  return result;
}

}  // namespace kantor
