// Products of a few rows with a weight matrix, both in shared memory: the work of a training step. For kernel files.
//
// 256 threads are 64 groups of 4. A group makes tile_rows x tile_columns numbers in registers, each of its lanes the
// sum over every fourth chunk of 4 along the depth; shuffles then add the lanes and leave each with a quarter. So even
// 6 rows keep all threads busy, and the order of every sum is the same however many rows there are: a model's bits do
// not depend on how its batch is split over blocks.
//
// Counted for 4 of the depth, a lane: a tile of 6 x 8 takes 14 loads of 16 bytes for 192 multiply-adds, one of 12 x 8
// takes 20 for 384.
#pragma once

#include "kernels/block.h"
#include "kernels/mlp_training/network_layout.h"

namespace kantor::KANTOR_BACKEND {

/// [rows][width] sums: made, given the depth in one piece or in several, in their order, and finished.
template <int rows, int width, MatrixRows matrix_order>
class RowProduct {
  static constexpr int lanes = 4, groups = mlp_threads / lanes, size = rows * width / groups;
  static_assert(rows * width % groups == 0 && size % lanes == 0 && width % (4 * lanes) == 0);

  /// The largest number of rows at most 6 that divides both the rows and the size of a thread's tile, of at most 8
  /// columns; where there is none, the smallest above.
  static constexpr int choose_rows() {
    constexpr auto divides = [](int r) {
      return rows % r == 0 && size % r == 0 && width % (size / r) == 0 && size / r <= 8;
    };
    for (int r = 6; r > 1; --r) {
      if (divides(r)) return r;
    }
    for (int r = 7; r <= rows; ++r) {
      if (divides(r)) return r;
    }
    return 1;
  }
  static constexpr int tile_rows = choose_rows(), tile_columns = size / tile_rows;
  static constexpr int row_groups = rows / tile_rows, column_groups = width / tile_columns;
  static_assert(row_groups * column_groups == groups);
  static constexpr int pack = tile_columns % 4 == 0 ? 4 : tile_columns % 2 == 0 ? 2 : 1;

  struct alignas(pack * sizeof(float)) Pack {
    float v[pack];
  };
  struct alignas(16) Four {
    float v[4];
  };

  /// Of the 8 lanes that read at once, two have the same column and four the same row, where rows allow it.
  static constexpr int rows_of_warp = row_groups % 2 == 0 ? 2 : 1, columns_of_warp = 8 / rows_of_warp;
  static constexpr int warps_across = column_groups / columns_of_warp;

 public:
  static constexpr MatrixRows order = matrix_order;
  /// Depth that all lanes take together: pieces are multiples of it.
  static constexpr int step = 4 * lanes;

  __device__ RowProduct()
      : part_(threadIdx.x % 32 / 8),
        row_group_(threadIdx.x / 32 / warps_across * rows_of_warp + threadIdx.x % rows_of_warp),
        column_group_(threadIdx.x / 32 % warps_across * columns_of_warp + threadIdx.x % 8 / rows_of_warp) {
#pragma unroll
    for (float& sum : sums_) sum = 0.0F;
  }

  /// Adds a [rows][depth], stride_of(width) floats a row, times a piece of the matrix, matrix_stride floats a row.
  template <int depth, int matrix_stride>
  __device__ void add(const float* a, const float* matrix) {
    static_assert(depth % step == 0);
    constexpr int stride = stride_of(width);
#pragma unroll 1
    for (int at = 0; at < depth; at += step) {
      const int k0 = at + part_ * 4;
      float b[4][tile_columns];
      if constexpr (order == MatrixRows::of_out) {
#pragma unroll
        for (int j = 0; j < tile_columns; ++j) {
          const Four four =
              *reinterpret_cast<const Four*>(matrix + (column_group_ + column_groups * j) * matrix_stride + k0);
#pragma unroll
          for (int k = 0; k < 4; ++k) b[k][j] = four.v[k];
        }
      } else {
#pragma unroll
        for (int k = 0; k < 4; ++k) {
#pragma unroll
          for (int j = 0; j < tile_columns; j += pack) {
            const Pack some =
                *reinterpret_cast<const Pack*>(matrix + (k0 + k) * matrix_stride + column_group_ * tile_columns + j);
#pragma unroll
            for (int p = 0; p < pack; ++p) b[k][j + p] = some.v[p];
          }
        }
      }
#pragma unroll
      for (int i = 0; i < tile_rows; ++i) {
        const Four four = *reinterpret_cast<const Four*>(a + (row_group_ + row_groups * i) * stride + k0);
#pragma unroll
        for (int k = 0; k < 4; ++k) {
#pragma unroll
          for (int j = 0; j < tile_columns; ++j) {
            float& sum = sums_[i * tile_columns + j];
            sum = fmaf(four.v[k], b[k][j], sum);
          }
        }
      }
    }
  }

  /// Calls use(row, column, sum) for each number, once in all.
  template <class Use>
  __device__ void finish(const Use& use) {
    add_lanes(sums_, part_);
#pragma unroll
    for (int q = 0; q < size / lanes; ++q) {
      // The first exchange leaves the lower or upper half, the second a half of that.
      const int at = (part_ % 2) * (size / 2) + (part_ / 2) * (size / 4) + q;
      const int row = row_group_ + row_groups * (at / tile_columns), j = at % tile_columns;
      use(row, order == MatrixRows::of_out ? column_group_ + column_groups * j : column_group_ * tile_columns + j,
          sums_[q]);
    }
  }

 private:
  /// Adds the four lanes of a group: ((0 + 1) + (2 + 3)). Each is left with a quarter of the sums, in front.
  __device__ static void add_lanes(float* sums, int part) {
    exchange<size / 2>(sums, part % 2 != 0, 8);
    exchange<size / 4>(sums, part / 2 != 0, 16);
  }
  template <int half>
  __device__ static void exchange(float* sums, bool upper, int distance) {
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const float kept = upper ? sums[half + i] : sums[i], sent = upper ? sums[i] : sums[half + i];
      sums[i] = kept + __shfl_xor_sync(full_warp, sent, distance);
    }
  }

  const int part_, row_group_, column_group_;
  float sums_[size];
};

}  // namespace kantor::KANTOR_BACKEND
