// The products of row_product.h on tensor cores, by three TF32 products (kernels/products/tensor_product.h). For kernel
// files.
//
// An instruction multiplies 16 x 8 by 8 x 8. The 16 are outputs, whose weights are the left operand; the 8 are rows: so
// 6 rows waste 2 of 8, where 16 would waste 10. A row beyond the last reads the last one, and its sums are not used.
//
//          rows 0-7   8-15  16-23             width 64: 4 tiles of outputs, of half of the rows each
//   warp 0 [ 16x8 ] [ 16x8 ] [ 16x8 ]         width 128: 8 tiles, one a warp
//   warp 1 [ 16x8 ] [ 16x8 ] [ 16x8 ]         width 256: 16 tiles, two a warp, which share the split rows
//   ...
//
// A warp makes each of its sums alone: the 8 products of a step of the depth on tensor cores, the steps in their order.
// That order is the same however many rows there are, and whether the matrix is resident or streamed.
//
// Numbers are split where they are multiplied, without a scale: the low part of one below 2^-115 is lost, which no
// update rule sees, and nothing overflows that does not in float32.
//
// Counted for 8 of the depth, a warp with m tiles of outputs and n of rows: m loads of four 8 x 4 matrices (backward 4
// m loads of 4 bytes a lane) and n / 2, rounded up, each 4 passes over shared memory, backward 1, without a bank
// conflict; 3 (4 m + 2 n) instructions to split; 3 m n of tensor cores; 4 m n additions. For 24 rows of width 128 these
// are 3 + 30 + 9 + 12 = 54 where row_product.h has 7 loads and 96 multiply-adds; for 6 rows 2 + 18 + 3 + 4 = 27 where
// it has 4 and 24: splitting the weights takes what fewer products save. A product of 24 rows asks shared memory for
// 197 kB, 66 of them weights, where row_product.h asks for 459.
#pragma once

#include "kernels/mlp_training/network_layout.h"
#include "kernels/products/tensor_product.h"

namespace kantor::KANTOR_BACKEND {

/// As RowProduct.
template <int rows, int width, MatrixRows matrix_order>
class TensorRowProduct {
  using Product = ThreeProducts<0, false>;
  static constexpr int warps = mlp_threads / 32, unit_tiles = width / 16, row_tiles = (rows + 7) / 8;
  static constexpr int warps_across = unit_tiles < warps ? unit_tiles : warps, row_groups = warps / warps_across;
  static constexpr int down = unit_tiles / warps_across, across = (row_tiles + row_groups - 1) / row_groups;
  static_assert(warps % warps_across == 0 && unit_tiles % warps_across == 0 && unit_tiles % 2 == 0);

 public:
  static constexpr MatrixRows order = matrix_order;

  __device__ TensorRowProduct()
      : lane_(threadIdx.x % 32),
        first_unit_tile_(threadIdx.x / 32 % warps_across * down),
        first_row_(threadIdx.x / 32 / warps_across * across * 8) {
#pragma unroll
    for (int i = 0; i < down; ++i) {
#pragma unroll
      for (int j = 0; j < across; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) large_[i][j][e] = small_[i][j][e] = 0.0F;
      }
    }
  }

  /// Adds a [rows][depth], stride_of(width) floats a row, times a piece of the matrix, matrix_stride floats a row.
  template <int depth, int matrix_stride>
  __device__ void add(const float* a, const float* matrix) {
    static_assert(depth % Product::depth == 0);
    if (is_idle()) return;
#pragma unroll 2
    for (int k = 0; k < depth; k += Product::depth) {
      typename Product::Right of_rows[across];
      read_rows(a + k, of_rows);
#pragma unroll
      for (int i = 0; i < down; ++i) {
        float weights[1][4];
        read_weights<matrix_stride>(matrix, k, first_unit_tile_ + i, weights[0]);
        Product::multiply(large_[i], small_[i], typename Product::Left(weights), of_rows);
      }
    }
  }

  /// Calls use(row, column, sum) for each number, once in all.
  template <class Use>
  __device__ void finish(const Use& use) const {
    if (is_idle()) return;
#pragma unroll
    for (int i = 0; i < down; ++i) {
#pragma unroll
      for (int j = 0; j < across; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int row = first_row_ + j * 8 + lane_ % 4 * 2 + e % 2;
          if (row < rows) use(row, unit(first_unit_tile_ + i, e / 2), large_[i][j][e] + small_[i][j][e]);
        }
      }
    }
  }

 private:
  /// A warp for whose share there are no rows.
  __device__ bool is_idle() const {
    return row_groups > 1 && first_row_ >= rows;
  }

  /// The output that this lane has in a half of a tile. [depth][out]: tiles share 32 neighbours, so that the lanes' 4
  /// rows and 8 outputs lie on 32 banks, rows 4 apart.
  __device__ int unit(int tile, int half) const {
    const int g = lane_ / 4;
    if constexpr (order == MatrixRows::of_out) return tile * 16 + half * 8 + g;
    return tile / 2 * 32 + tile % 2 * 8 + half * 4 + g / 4 * 16 + g % 4;
  }

  template <int matrix_stride>
  __device__ void read_weights(const float* matrix, int k, int tile, float (&weights)[4]) const {
    if constexpr (order == MatrixRows::of_out) {
      load_matrices(matrix + (tile * 16 + lane_ % 16) * matrix_stride + k + lane_ / 16 * 4, weights);
    } else {
      const float* at = matrix + (k + lane_ % 4) * matrix_stride;
      weights[0] = at[unit(tile, 0)];
      weights[1] = at[unit(tile, 1)];
      weights[2] = at[4 * matrix_stride + unit(tile, 0)];
      weights[3] = at[4 * matrix_stride + unit(tile, 1)];
    }
  }

  /// Two tiles at a time: the lower and the upper half of the step, of each.
  __device__ void read_rows(const float* a, typename Product::Right (&of_rows)[across]) const {
#pragma unroll
    for (int j = 0; j < across; j += 2) {
      const int row = first_row_ + j * 8 + lane_ / 16 * 8 + lane_ % 8;
      float both[4];
      load_matrices(a + (row < rows ? row : rows - 1) * stride_of(width) + lane_ / 8 % 2 * 4, both);
      const float first[1][2] = {{both[0], both[1]}}, second[1][2] = {{both[2], both[3]}};
      of_rows[j] = typename Product::Right(first);
      if (j + 1 < across) of_rows[j + 1] = typename Product::Right(second);
    }
  }

  const int lane_, first_unit_tile_, first_row_;
  float large_[down][across][4], small_[down][across][4];
};

}  // namespace kantor::KANTOR_BACKEND
