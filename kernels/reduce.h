// Launchers of reductions. Sums accumulate in double, in an order that the shape alone decides.
#pragma once

#include "kernels/compile.h"
#include "kernels/launcher.h"

namespace kantor {

/// Long sums are cut into chunks, whose sums are added in order by a second launch: not so small that there are more
/// than a block adds at once, nor so large that they leave a GPU idle.
inline constexpr int64_t most_chunks = 1024;
KANTOR_FUNCTION inline int64_t sum_chunk(int64_t n, int64_t inner) {
  const int64_t least = inner == 1 ? 4096 : 256;  // elements of a row, or rows
  return n <= least * most_chunks ? least : (n + most_chunks - 1) / most_chunks;
}
KANTOR_FUNCTION inline int64_t sum_chunks(int64_t n, int64_t inner) {
  const int64_t chunk = sum_chunk(n, inner);
  return n <= chunk ? 1 : (n + chunk - 1) / chunk;
}
/// Doubles that sum_middle needs for its partial sums; 0 where one launch is enough.
KANTOR_FUNCTION inline int64_t sum_workspace(int64_t outer, int64_t n, int64_t inner) {
  const int64_t chunks = sum_chunks(n, inner);
  return chunks == 1 ? 0 : outer * chunks * inner;
}

/// Several sums over rows in one launch, or two: x [n, inner] -> y [inner] of each.
struct ColumnSums {
  static constexpr int most = 16;
  int count = 0;
  int64_t n[most] = {}, inner[most] = {};

  [[nodiscard]] KANTOR_FUNCTION int64_t blocks(int k) const {
    return sum_chunks(n[k], inner[k]) * (inner[k] == 1 ? 1 : (inner[k] + 31) / 32);
  }
  /// Doubles for the partial sums of one of them.
  [[nodiscard]] KANTOR_FUNCTION int64_t workspace(int k) const { return sum_workspace(1, n[k], inner[k]); }
};
template <class T>
struct ColumnSumArrays {
  const T* x[ColumnSums::most] = {};
  T* y[ColumnSums::most] = {};
};

// T is float or double.
KANTOR_LAUNCHERS(
    /// All sums at once, with the bits of sum_middle; `workspace`: the doubles of all of them.
    template <class T>
    void column_sums(const ColumnSums& sums, const ColumnSumArrays<T>& arrays, double* workspace, Stream stream);
    /// y [outer, inner] = sum over the middle axis of x [outer, n, inner]; `workspace`: sum_workspace doubles.
    template <class T>
    void sum_middle(const T* x, T* y, int64_t outer, int64_t n, int64_t inner, double* workspace, Stream stream);
    /// y [rows] = L2 norms of the rows of x [rows, width], correct from 1e-30 to 1e30.
    template <class T> void row_norm(const T* x, T* y, int64_t rows, int64_t width, Stream stream);)

}  // namespace kantor
