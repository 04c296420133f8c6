// The products of one stage by warpgroups (wgmma): 128 threads start the products of 64 rows of a tile, which tensor
// cores read from shared memory themselves. For kernel files.
#pragma once

#include "kernels/products/tiling.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

/// A thread's sums: of each 16 x 8 tile of its warp four, as in TensorCore.
template <Tiling tiling, Arithmetic arithmetic>
class WarpgroupProduct {
 public:
  static constexpr int unit = 2, units = tiling.columns / 4;

  float sums[units][unit];

  __device__ explicit WarpgroupProduct(int thread) : lane_(thread % 32), first_row_(thread / 32 * 16) {
#pragma unroll
    for (int u = 0; u < units; ++u) sums[u][0] = sums[u][1] = 0.0F;
  }

  /// Starts the products of a stage, as a group.
  __device__ void start(SharedFloats a, SharedFloats b) {
    OperandMatrix of_a = operand_matrix<row_bytes>(a + first_row_ / 64 * 64 * (row_bytes / 4));
    OperandMatrix of_b = operand_matrix<row_bytes>(b);
    fence_sums();
#pragma unroll
    for (int at = 0; at < row_bytes; at += step) {
      if constexpr (arithmetic == Arithmetic::bf16) {
        start_product_bf16(sums, of_a + at, of_b + at);
      } else {
        start_product_tf32(sums, of_a + at, of_b + at);
      }
    }
    commit_products();
  }

  /// Where a unit begins in the tile.
  __device__ void place(int u, int& row, int& column) const {
    row = first_row_ + u % 2 * 8 + lane_ / 4;
    column = u / 2 * 8 + lane_ % 4 * 2;
  }

 private:
  static constexpr int row_bytes = tiling.depth * number_bytes(arithmetic);
  static constexpr int step = 32;  // bytes along k of a product: 8 TF32 numbers, or 16 of bfloat16
  static_assert(tiling.warp_rows == 16 && tiling.warp_columns == tiling.columns && tiling.rows % 64 == 0);

  int lane_, first_row_;
};

}  // namespace kantor::KANTOR_BACKEND
