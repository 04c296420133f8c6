// Histograms and summaries of lists of numbers: gradient norms, weights.
#pragma once

#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace kantor {

/// Equal bins over [low, high].
struct Histogram {
  double low = 0, high = 1;
  std::vector<int64_t> counts;
};

/// Values outside [low, high] count in the first or last bin, NaN in none; `high` itself belongs to the last bin.
/// Throws ShapeError unless bins >= 1 and low < high.
template <class T>
Histogram make_histogram(std::span<const T> values, double low, double high, int bins) {
  if (bins < 1 || !(low < high)) throw ShapeError("a histogram needs at least one bin and low < high");
  Histogram histogram{low, high, std::vector<int64_t>(static_cast<size_t>(bins))};
  for (const T value : values) {
    const double bin = (static_cast<double>(value) - low) / (high - low) * bins;
    if (!std::isnan(bin)) ++histogram.counts[static_cast<size_t>(std::clamp(bin, 0.0, bins - 1.0))];
  }
  return histogram;
}

/// The same over the values' own finite range, widened where it is a single point.
template <class T>
Histogram make_histogram(std::span<const T> values, int bins) {
  double low = INFINITY, high = -double{INFINITY};
  for (const T value : values)
    if (std::isfinite(value)) low = std::min(low, double{value}), high = std::max(high, double{value});
  if (low > high) low = high = 0;
  if (low == high) {
    const double margin = std::max(1e-12, 0.5 * std::abs(low));
    low -= margin, high += margin;
  }
  return make_histogram(values, low, high, bins);
}

struct Summary {
  double mean = 0, deviation = 0, min = 0, max = 0;
};

/// Summary of the whole list; the deviation divides by n. Throws ShapeError for an empty list.
template <class T>
Summary summarize(std::span<const T> values) {
  if (values.empty()) throw ShapeError("the summary of an empty list: expected at least one value");
  Summary summary{.min = double{values[0]}, .max = double{values[0]}};
  const auto n = static_cast<double>(values.size());
  for (const T value : values) {
    summary.mean += double{value} / n;
    summary.min = std::min(summary.min, double{value});
    summary.max = std::max(summary.max, double{value});
  }
  double squares = 0;
  for (const T value : values) squares += (double{value} - summary.mean) * (double{value} - summary.mean);
  summary.deviation = std::sqrt(squares / n);
  return summary;
}

/// The value below which `share` of the values lie, linear between order statistics (NumPy's default).
template <class T>
double quantile(std::span<const T> values, double share) {
  if (values.empty() || !(share >= 0 && share <= 1))
    throw ShapeError("a quantile needs at least one value and a share in [0, 1]");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace kantor
