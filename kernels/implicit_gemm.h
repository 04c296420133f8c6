// The tiled product behind gemm and convolution: C [m, n] = A [m, k] B [k, n], where A and B are functions of their
// indices: a matrix in memory, a transposed one, or the window of a picture. For kernel files, after kernels/backend.h.
//
// A block makes a 64 x 64 tile of C, a thread 4 x 4 of it. Per step of 16 along k the block stages 64 x 16 of A and
// 16 x 64 of B in shared memory (8 KiB), so each element from memory serves 64 products; a thread reads 8 numbers from
// shared memory for 16 multiply-adds. 2 m n k FLOPs. The order along k is fixed.
#pragma once

#include <cstdint>

namespace kantor::KANTOR_BACKEND {

inline constexpr int tile = 64, tile_depth = 16, gemm_threads = 256, micro = 4;

inline int64_t tiles_of(int64_t extent) {
  return (extent + tile - 1) / tile;
}

/// One tile of C, of the k in [k_begin, k_end). load_a(row, k), load_b(k, column) give zero outside their ranges
/// themselves; store(row, column, sum) is called inside [m, n) only. All threads of the block must come.
template <class T, class LoadA, class LoadB, class Store>
__device__ void gemm_tile(int64_t m, int64_t n, int64_t k_begin, int64_t k_end, int64_t tile_row, int64_t tile_column,
                          const LoadA& load_a, const LoadB& load_b, const Store& store) {
  __shared__ T a[tile_depth][tile + 4];  // + 4: rows apart in the banks
  __shared__ T b[tile_depth][tile + 4];
  const int thread = threadIdx.x, row = thread / (tile / micro) * micro, column = thread % (tile / micro) * micro;
  const int64_t first_row = tile_row * tile, first_column = tile_column * tile;
  T sums[micro][micro] = {};
  for (int64_t k0 = k_begin; k0 < k_end; k0 += tile_depth) {
    for (int e = thread; e < tile * tile_depth; e += gemm_threads) {
      const int ka = e % tile_depth, i = e / tile_depth;  // neighbours along k
      const int kb = e / tile, j = e % tile;              // neighbours along n
      a[ka][i] = first_row + i < m && k0 + ka < k_end ? load_a(first_row + i, k0 + ka) : T(0);
      b[kb][j] = first_column + j < n && k0 + kb < k_end ? load_b(k0 + kb, first_column + j) : T(0);
    }
    __syncthreads();
    for (int k = 0; k < tile_depth; ++k) {
      T left[micro], right[micro];
      for (int i = 0; i < micro; ++i) left[i] = a[k][row + i];
      for (int j = 0; j < micro; ++j) right[j] = b[k][column + j];
      for (int i = 0; i < micro; ++i) {
        for (int j = 0; j < micro; ++j) sums[i][j] += left[i] * right[j];
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < micro; ++i) {
    for (int j = 0; j < micro; ++j) {
      const int64_t r = first_row + row + i, c = first_column + column + j;
      if (r < m && c < n) store(r, c, sums[i][j]);
    }
  }
}

}  // namespace kantor::KANTOR_BACKEND
