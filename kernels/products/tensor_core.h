// The products of one stage on tensor cores, whose operands are TF32 or bfloat16 and whose sums are float32. For kernel
// files. tensor_product.h says what is made of the operands.
#pragma once

#include "kernels/products/tensor_product.h"
#include "kernels/products/tiling.h"

#include <utility>

namespace kantor::KANTOR_BACKEND {

/// A thread's sums: of each 16 x 8 tile of its warp four.
template <Tiling tiling, Arithmetic arithmetic, bool a_along_k, bool b_along_k>
class TensorCore {
  using Product = TensorProduct<arithmetic>;
  static constexpr int down = tiling.warp_rows / 16, across = tiling.warp_columns / 8;

 public:
  static constexpr int unit = 2, units = down * across * 2;
  static constexpr int permuted = 0;

  float sums[units][unit];

  __device__ explicit TensorCore(int thread)
      : lane_(thread % 32),
        first_row_(thread % tiling.group() / 32 / tiling.warps_across() * tiling.warp_rows),
        first_column_(thread % tiling.group() / 32 % tiling.warps_across() * tiling.warp_columns),
        first_k_(thread / tiling.group() * tiling.slice_depth()) {
#pragma unroll
    for (int u = 0; u < units; ++u) sums[u][0] = sums[u][1] = 0.0F;
  }

  /// Adds the products of a stage.
  __device__ void multiply(const float* a, const float* b) {
#pragma unroll
    for (int k = 0; k < tiling.slice_depth(); k += Product::depth) {
      float of_b[across][eights][2];
      read_right(b, k, of_b);
      Right right = make_right(of_b, std::make_integer_sequence<int, across>());
#pragma unroll
      for (int i = 0; i < down; ++i) {
        float of_a[eights][4];
        read_left(a, k, i, of_a);
        float row[across][4];
#pragma unroll
        for (int j = 0; j < across; ++j) {
#pragma unroll
          for (int e = 0; e < 4; ++e) row[j][e] = sums[(i * across + j) * 2 + e / 2][e % 2];
        }
        Product::multiply(row, typename Product::Left(of_a), right.of);
#pragma unroll
        for (int j = 0; j < across; ++j) {
#pragma unroll
          for (int e = 0; e < 4; ++e) sums[(i * across + j) * 2 + e / 2][e % 2] = row[j][e];
        }
      }
    }
  }

  /// Where a unit begins in the tile.
  __device__ void place(int u, int& row, int& column) const {
    row = first_row_ + u / 2 / across * 16 + u % 2 * 8 + lane_ / 4;
    column = first_column_ + u / 2 % across * 8 + lane_ % 4 * 2;
  }

 private:
  static constexpr int eights = Product::depth / 8;
  static constexpr int a_stride = Tiling::stride(a_along_k, tiling.rows, tiling.depth);
  static constexpr int b_stride = Tiling::stride(b_along_k, tiling.columns, tiling.depth);
  static_assert(tiling.warp_rows % 16 == 0 && across % 2 == 0 && tiling.slice_depth() % Product::depth == 0);

  struct Right {
    typename Product::Right of[across];
  };
  template <int... j>
  __device__ static Right make_right(const float (&x)[across][eights][2], std::integer_sequence<int, j...>) {
    return {{typename Product::Right(x[j])...}};
  }

  __device__ void read_left(const float* a, int k, int i, float (&out)[eights][4]) const {
#pragma unroll
    for (int e = 0; e < eights; ++e) {
      const int from = first_k_ + k + e * 8, row = first_row_ + i * 16;
      if constexpr (a_along_k) {
        load_matrices(a + (row + lane_ % 16) * a_stride + from + lane_ / 16 * 4, out[e]);
      } else {
        const float* at = a + (from + lane_ % 4) * a_stride + row + lane_ / 4;
        out[e][0] = at[0];
        out[e][1] = at[8];
        out[e][2] = at[4 * a_stride];
        out[e][3] = at[4 * a_stride + 8];
      }
    }
  }
  __device__ void read_right(const float* b, int k, float (&out)[across][eights][2]) const {
#pragma unroll
    for (int e = 0; e < eights; ++e) {
      const int from = first_k_ + k + e * 8;
#pragma unroll
      for (int j = 0; j < across; j += 2) {
        const int column = first_column_ + j * 8;
        if constexpr (b_along_k) {
          float both[4];
          load_matrices(b + (column + lane_ % 8 + lane_ / 16 * 8) * b_stride + from + lane_ / 8 % 2 * 4, both);
          out[j][e][0] = both[0];
          out[j][e][1] = both[1];
          out[j + 1][e][0] = both[2];
          out[j + 1][e][1] = both[3];
        } else {
          const float* at = b + (from + lane_ % 4) * b_stride + column + lane_ / 4;
          out[j][e][0] = at[0];
          out[j][e][1] = at[4 * b_stride];
          out[j + 1][e][0] = at[8];
          out[j + 1][e][1] = at[4 * b_stride + 8];
        }
      }
    }
  }

  int lane_, first_row_, first_column_, first_k_;
};

}  // namespace kantor::KANTOR_BACKEND
