// Sums on the CPU, accumulated in double in a fixed order: sixteen lanes within a run, runs in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kantor::cpu {

/// Sum of fn(x[i]) over n elements, fn giving double.
template <class T, class F>
double sum_run(const T* x, int64_t n, const F& fn) {
  constexpr int64_t lanes = 16;
  std::array<double, lanes> partial{};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int64_t k = 0; k < lanes; ++k) partial[static_cast<std::size_t>(k)] += fn(static_cast<double>(x[i + k]));
  }
  for (; i < n; ++i) partial[static_cast<std::size_t>(i % lanes)] += fn(static_cast<double>(x[i]));
  double total = 0;
  for (const double value : partial) total += value;
  return total;
}

/// [outer, n, inner] -> [outer, inner]. Cut by shape alone; partial sums combine in order.
template <class T>
void sum_middle(const T* x, T* y, int64_t outer, int64_t n, int64_t inner);

}  // namespace kantor::cpu
