// The products of one stage by fused multiply-adds: float32 as float32 is. For kernel files.
#pragma once

#include "kernels/pack.h"
#include "kernels/products/tiling.h"

namespace kantor::KANTOR_BACKEND {

/// A thread's sums. Of an operand along k it reads `chunk` neighbours along k a row, of the other kind four
/// neighbouring rows a k.
template <Tiling tiling, bool a_along_k, bool b_along_k>
class MultiplyAdd {
 public:
  static constexpr int rows = tiling.warp_rows / tiling.lanes_down,
                       columns = tiling.warp_columns / tiling.lanes_across();
  static constexpr int unit = 4, units = rows * columns / unit;  // neighbours along a row of C that a thread holds
  static constexpr int permuted = tiling.lanes_across();         // see StageCopies, for the right operand

  float sums[units][unit];

  __device__ explicit MultiplyAdd(int thread)
      : down_(thread % 32 / tiling.lanes_across()),
        across_(thread % 32 % tiling.lanes_across()),
        first_row_(thread % tiling.group() / 32 / tiling.warps_across() * tiling.warp_rows),
        first_column_(thread % tiling.group() / 32 % tiling.warps_across() * tiling.warp_columns),
        first_k_(thread / tiling.group() * tiling.slice_depth()) {
#pragma unroll
    for (int u = 0; u < units; ++u) {
#pragma unroll
      for (int j = 0; j < unit; ++j) sums[u][j] = 0.0F;
    }
  }

  /// Adds the products of a stage.
  __device__ void multiply(const float* a, const float* b) {
    a += a_along_k ? (first_row_ + down_) * a_stride + first_k_ : first_k_ * a_stride + first_row_ + down_ * 4;
    b +=
        b_along_k ? (first_column_ + across_) * b_stride + first_k_ : first_k_ * b_stride + first_column_ + across_ * 4;
#pragma unroll
    for (int k = 0; k < tiling.slice_depth(); k += chunk) {
      float of_a[chunk][rows], of_b[chunk][columns];
      read<a_along_k, rows, tiling.lanes_down, a_stride>(a, k, of_a);
      read<b_along_k, columns, tiling.lanes_across(), b_stride>(b, k, of_b);
#pragma unroll
      for (int i = 0; i < chunk; ++i) {
#pragma unroll
        for (int row = 0; row < rows; ++row) {
#pragma unroll
          for (int column = 0; column < columns; ++column) {
            float& sum = sums[row * (columns / unit) + column / unit][column % unit];
            sum = fmaf(of_a[i][row], of_b[i][column], sum);
          }
        }
      }
    }
  }

  /// Where a unit begins in the tile.
  __device__ void place(int u, int& row, int& column) const {
    const int i = u / (columns / unit), q = u % (columns / unit);
    row = first_row_ + (a_along_k ? down_ + i * tiling.lanes_down : (i / 4 * tiling.lanes_down + down_) * 4 + i % 4);
    column = first_column_ + (q * tiling.lanes_across() + across_) * 4;
  }

 private:
  static constexpr int chunk = 2;
  static constexpr int a_stride = Tiling::stride(a_along_k, tiling.rows, tiling.depth);
  static constexpr int b_stride = Tiling::stride(b_along_k, tiling.columns, tiling.depth);
  static_assert(rows % 4 == 0 && columns % 4 == 0 && tiling.slice_depth() % chunk == 0);

  /// `count` numbers for each k of the chunk, `lanes` of them side by side in the warp.
  template <bool along_k, int count, int lanes, int stride>
  __device__ static void read(const float* from, int k, float (&out)[chunk][count]) {
    if constexpr (along_k) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        const float2 pair = *reinterpret_cast<const float2*>(from + i * lanes * stride + k);
        out[0][i] = pair.x;
        out[1][i] = pair.y;
      }
    } else {
#pragma unroll
      for (int i = 0; i < chunk; ++i) {
#pragma unroll
        for (int four = 0; four < count / 4; ++four) {
          const float4 v = *reinterpret_cast<const float4*>(from + (k + i) * stride + four * 4 * lanes);
          out[i][four * 4] = v.x;
          out[i][four * 4 + 1] = v.y;
          out[i][four * 4 + 2] = v.z;
          out[i][four * 4 + 3] = v.w;
        }
      }
    }
  }

  int down_, across_, first_row_, first_column_, first_k_;
};

}  // namespace kantor::KANTOR_BACKEND
