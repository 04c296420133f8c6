// Statistics of weights on the CPU, a block that is still in cache at a time.
#pragma once

#include "engine/cpu/reduce.h"
#include "engine/weight_statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace kantor::cpu {

inline constexpr int64_t statistics_block = 1024;  // elements; 4 arrays of it fit a first-level cache

/// Statistics of at most statistics_block weights, added into `row`: saturated, non-finite, largest magnitude, sum of
/// squares. Magnitudes compare as integers: they order alike, NaN and infinity come
/// last, and integer sums and maxima become vector code, which those of floats, being ordered, do not.
template <class T>
void count_weights(const T* w, int64_t n, T bound, double* row) {
  using Bits = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  constexpr Bits magnitude = std::numeric_limits<Bits>::max();
  constexpr auto infinite = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  const Bits at_bound = std::isfinite(bound) ? std::bit_cast<Bits>(bound) : magnitude;  // else no weight's value
  Bits saturated = 0, non_finite = 0, largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const Bits a = std::bit_cast<Bits>(w[i]) & magnitude;
    non_finite += a >= infinite ? 1 : 0;
    saturated += a == at_bound ? 1 : 0;
    largest = a > largest ? a : largest;
  }
  if (non_finite > 0) {  // searches again for the largest finite one; the run will stop
    largest = 0;
    for (int64_t i = 0; i < n; ++i) {
      const Bits a = std::bit_cast<Bits>(w[i]) & magnitude;
      if (a < infinite) largest = std::max(largest, a);
    }
  }
  row[0] += static_cast<double>(saturated);
  row[1] += static_cast<double>(non_finite);
  row[2] = std::max(row[2], static_cast<double>(std::bit_cast<T>(largest)));
  row[3] += sum_run(w, n, [](double v) { return v * v; });
}

/// Histogram of one block over [-range, range], added into `counts`. NaN counts in the last bin.
template <class T>
void count_bins(const T* w, int64_t n, double range, double* counts) {
  constexpr int bins = WeightStatistics::bins;
  const T scale = static_cast<T>(bins / (2 * range)), offset = bins / 2;
  std::array<int32_t, bins> histogram{};
  std::array<int32_t, statistics_block> bin_of;
  for (int64_t i = 0; i < n; ++i) {
    T x = w[i] * scale + offset;
    x = x < T(bins - 1) ? x : T(bins - 1);
    x = x > T(0) ? x : T(0);
    bin_of[static_cast<size_t>(i)] = static_cast<int32_t>(x);
  }
  for (int64_t i = 0; i < n; ++i) ++histogram[static_cast<size_t>(bin_of[static_cast<size_t>(i)])];
  for (size_t b = 0; b < bins; ++b) counts[b] += histogram[b];
}

}  // namespace kantor::cpu
