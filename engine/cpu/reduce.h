// Sums on the CPU, accumulated in double in a fixed order: sixteen lanes within a run, runs in order.
#pragma once

#include "engine/cpu/parallel.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kantor::cpu {

/// Sum of fn(i) for i in [0, n), fn giving double.
template <class F>
double sum_of(int64_t n, const F& fn) {
  constexpr int64_t lanes = 16;
  std::array<double, lanes> partial{};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int64_t k = 0; k < lanes; ++k) partial[static_cast<std::size_t>(k)] += fn(i + k);
  }
  for (; i < n; ++i) partial[static_cast<std::size_t>(i % lanes)] += fn(i);
  double total = 0;
  for (const double value : partial) total += value;
  return total;
}

/// Sum of fn(x[i]) over n elements, fn giving double.
template <class T, class F>
double sum_run(const T* x, int64_t n, const F& fn) {
  return sum_of(n, [&](int64_t i) { return fn(static_cast<double>(x[i])); });
}

/// [outer, n, inner] -> [outer, inner]. Cut by shape alone; partial sums combine in order.
template <class T>
void sum_middle(const T* x, T* y, int64_t outer, int64_t n, int64_t inner);

/// Two sums for each column of a matrix, first()[column] and second()[column].
class ColumnPairs {
 public:
  /// Calls add(top, bottom, first, second) for bands of rows, in parallel; it adds what rows [top, bottom) give to the
  /// sums of all columns. `cost` is the work of an element.
  template <class F>
  ColumnPairs(int64_t rows, int64_t columns, double cost, const F& add) : columns_(columns) {
    constexpr int64_t least_rows = 8;  // so that a band's sums are few beside its elements
    const int64_t height = std::max(least_rows, piece_elements / std::max<int64_t>(1, columns));
    const int64_t bands = std::max<int64_t>(1, (rows + height - 1) / height);
    sums_.resize(static_cast<std::size_t>(2 * bands * columns));
    double* const all = sums_.data();
    for_pieces(bands, cost * static_cast<double>(rows) * static_cast<double>(columns), [&](int64_t band) {
      double* sums = all + 2 * band * columns;
      add(band * height, std::min(rows, (band + 1) * height), sums, sums + columns);
    });
    for (int64_t band = 1; band < bands; ++band) {
      for (int64_t i = 0; i < 2 * columns; ++i) all[i] += all[2 * band * columns + i];
    }
  }
  [[nodiscard]] const double* first() const { return sums_.data(); }
  [[nodiscard]] const double* second() const { return sums_.data() + columns_; }

 private:
  int64_t columns_;
  std::vector<double> sums_;
};

}  // namespace kantor::cpu
