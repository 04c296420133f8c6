// Products of a few rows with a weight matrix, both in shared memory: the work of a training step. For kernel files.
//
// 256 threads are 64 groups of 4. A group makes tile_rows x tile_columns numbers in registers, each of its lanes the
// sum over every fourth chunk of 4 along the depth; shuffles then add the lanes and leave each with a quarter. So even
// 6 rows keep all threads busy, and the order of every sum is the same however many rows there are: a model's bits do
// not depend on how its batch is split over blocks.
//
// Counted for a tile of 6 x 8 and 4 of the depth: 14 loads of 16 bytes for 192 multiply-adds a lane.
#pragma once

#include "kernels/block.h"
#include "kernels/mlp_training/resident_network.h"

namespace kantor::KANTOR_BACKEND {

inline constexpr int mlp_threads = 256;

/// How the matrix lies: [out][depth], each number's factors in a row, or [depth][out].
enum class MatrixRows : uint8_t { of_out, of_depth };

template <int rows, int width, MatrixRows order>
struct RowProduct {
  static constexpr int lanes = 4, groups = mlp_threads / lanes, size = rows * width / groups;
  static_assert(rows * width % groups == 0 && size % lanes == 0 && width % (4 * lanes) == 0);

  /// The largest number of rows at most 6 that divides both the rows and the size of a thread's tile.
  static constexpr int choose_rows() {
    for (int r = 6; r > 1; --r) {
      if (rows % r == 0 && size % r == 0 && width % (size / r) == 0 && size / r <= 8) return r;
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

  /// Calls use(row, column, sum) for each number of a [rows][.] x matrix, once in all. Shared arrays have
  /// stride_of(width) floats a row.
  template <class Use>
  __device__ static void make(const float* a, const float* matrix, const Use& use) {
    constexpr int stride = stride_of(width);
    // Of the 8 lanes that read at once, two have the same column and four the same row, where rows allow it.
    const int lane = threadIdx.x % 32, part = lane / 8;
    constexpr int rows_of_warp = row_groups % 2 == 0 ? 2 : 1, columns_of_warp = 8 / rows_of_warp;
    constexpr int warps_across = column_groups / columns_of_warp;
    const int warp = threadIdx.x / 32;
    const int row_group = warp / warps_across * rows_of_warp + lane % rows_of_warp;
    const int column_group = warp % warps_across * columns_of_warp + lane % 8 / rows_of_warp;

    float sums[size];
#pragma unroll
    for (float& sum : sums) sum = 0.0F;
#pragma unroll 1
    for (int chunk = part; chunk < width / 4; chunk += lanes) {
      float b[4][tile_columns];
      if constexpr (order == MatrixRows::of_out) {
#pragma unroll
        for (int j = 0; j < tile_columns; ++j) {
          const Four four =
              *reinterpret_cast<const Four*>(matrix + (column_group + column_groups * j) * stride + chunk * 4);
#pragma unroll
          for (int k = 0; k < 4; ++k) b[k][j] = four.v[k];
        }
      } else {
#pragma unroll
        for (int k = 0; k < 4; ++k) {
#pragma unroll
          for (int j = 0; j < tile_columns; j += pack) {
            const Pack some =
                *reinterpret_cast<const Pack*>(matrix + (chunk * 4 + k) * stride + column_group * tile_columns + j);
#pragma unroll
            for (int p = 0; p < pack; ++p) b[k][j + p] = some.v[p];
          }
        }
      }
#pragma unroll
      for (int i = 0; i < tile_rows; ++i) {
        const Four four = *reinterpret_cast<const Four*>(a + (row_group + row_groups * i) * stride + chunk * 4);
#pragma unroll
        for (int k = 0; k < 4; ++k) {
#pragma unroll
          for (int j = 0; j < tile_columns; ++j) {
            float& sum = sums[i * tile_columns + j];
            sum = fmaf(four.v[k], b[k][j], sum);
          }
        }
      }
    }
    add_lanes(sums, part);
#pragma unroll
    for (int q = 0; q < size / lanes; ++q) {
      // The first exchange leaves the lower or upper half, the second a half of that.
      const int at = (part % 2) * (size / 2) + (part / 2) * (size / 4) + q;
      const int row = row_group + row_groups * (at / tile_columns), j = at % tile_columns;
      use(row, order == MatrixRows::of_out ? column_group + column_groups * j : column_group * tile_columns + j,
          sums[q]);
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
};

}  // namespace kantor::KANTOR_BACKEND
