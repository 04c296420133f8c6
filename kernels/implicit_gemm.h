// The tiled product behind gemm and convolution: C [m, n] = A [m, k] B [k, n], where A and B are views: a matrix in
// memory, a transposed one, or the windows of pictures. For kernel files.
//
// A block makes a 64 x 64 tile of C, a thread 4 x 4 of it. Per step of 16 along k the block stages 64 x 16 of A and
// 16 x 64 of B in shared memory (8.5 KiB in float32), so each element from memory serves 64 products; a thread reads 8
// numbers from shared memory for 16 multiply-adds. Where C has no more than 32 columns the tile is 64 x 32, a thread's
// part 4 x 2. 2 m n k FLOPs. The order along k is fixed.
//
// In each step, a thread stages four neighbouring elements of each operand, as 16 bytes if aligned. Their address
// has a row part, found once per tile, and a cursor along k, which additions move by 16 per step: no division is in
// the loop. The next step's numbers are on their way to registers while this one's are multiplied.
#pragma once

#include "kernels/pack.h"

#include <cstdint>

namespace kantor::KANTOR_BACKEND {

inline constexpr int tile = 64, narrow_tile = 32, tile_depth = 16, gemm_threads = 256, micro = 4;

inline int64_t tiles_of(int64_t extent, int64_t of = tile) {
  return (extent + of - 1) / of;
}

// A view of an operand with rows and k (for B, its columns are the rows) is a class with
//   static constexpr bool along_k                    four neighbours lie along k, else along the rows
//   Row row(int r) const                             what does not depend on k; for r, or for the four rows from r on
//   Cursor cursor(int k) const                       where k is
//   void advance(Cursor&) const                      by tile_depth
//   void load(Row, Cursor, int count, T (&out)[4])   the first `count` of the four; the others are zero already

/// A matrix in memory: element (r, k) at r stride + k (along_k), or at k stride + r.
template <class T, bool contiguous_k>
struct MatrixView {
  static constexpr bool along_k = contiguous_k;
  using Row = const T*;
  using Cursor = int64_t;
  const T* data;
  int64_t stride;
  bool packed;  // data and stride are multiples of 16 bytes

  /// Called on the host.
  MatrixView(const T* elements, int64_t row_stride)
      : data(elements), stride(row_stride), packed(aligned(elements) && stride % Pack<T>::width == 0) {}

  __device__ Row row(int r) const { return data + (along_k ? r * stride : r); }
  __device__ Cursor cursor(int k) const { return along_k ? k : k * stride; }
  __device__ void advance(Cursor& at) const { at += along_k ? tile_depth : tile_depth * stride; }
  __device__ void load(Row from, Cursor at, int count, T (&out)[4]) const {
    if (packed && count == 4) {
      load_four(from + at, out);
    } else {
      for (int i = 0; i < count; ++i) out[i] = from[at + i];
    }
  }
};

/// A thread's part of an operand of `extent` rows: four neighbours in registers, one step ahead. For a narrow operand,
/// half of the threads have none.
template <class T, class View, int extent>
class Stager {
 public:
  __device__ Stager(const View& view, int rows, int first_row, int k_begin, int k_end)
      : view_(view),
        k_(View::along_k ? threadIdx.x % (tile_depth / 4) * 4 : threadIdx.x / (extent / 4)),
        r_(View::along_k ? threadIdx.x / (tile_depth / 4) : threadIdx.x % (extent / 4) * 4),
        rows_left_(r_ < extent && k_ < tile_depth ? rows - first_row - r_ : 0),
        k_left_(k_end - k_begin - k_),
        row_(view.row(rows_left_ > 0 ? first_row + r_ : 0)),
        cursor_(view.cursor(k_begin + k_)) {}

  __device__ void fetch() {
    const int neighbours = View::along_k ? k_left_ : rows_left_, other = View::along_k ? rows_left_ : k_left_;
    for (int i = 0; i < 4; ++i) four_[i] = T(0);
    if (other > 0 && neighbours > 0) view_.load(row_, cursor_, neighbours < 4 ? neighbours : 4, four_);
    view_.advance(cursor_);
    k_left_ -= tile_depth;
  }
  __device__ void put(T (&staged)[tile_depth][extent + 4]) const {
    if (r_ >= extent || k_ >= tile_depth) return;
    if constexpr (View::along_k) {
      for (int i = 0; i < 4; ++i) staged[k_ + i][r_] = four_[i];
    } else {
      store_four(&staged[k_][r_], four_);
    }
  }

 private:
  const View& view_;
  int k_, r_;  // in the tile
  int rows_left_, k_left_;
  typename View::Row row_;
  typename View::Cursor cursor_;
  T four_[4];
};

/// One tile of C, 64 x `columns`, of the k in [k_begin, k_end). store(row, column, count, sums) is called with the
/// first `count` of a thread's neighbours along a row, inside [m, n) only. All threads of the block must call it.
template <class T, int columns, class A, class B, class Store>
__device__ void gemm_tile(int m, int n, int k_begin, int k_end, int tile_row, int tile_column, const A& view_a,
                          const B& view_b, const Store& store) {
  constexpr int across = columns / (tile / micro);     // columns per thread
  __shared__ __align__(16) T a[tile_depth][tile + 4];  // + 4: rows begin in different banks and stay 16-byte aligned
  __shared__ __align__(16) T b[tile_depth][columns + 4];
  const int row = threadIdx.x / (tile / micro) * micro, column = threadIdx.x % (tile / micro) * across;
  const int first_row = tile_row * tile, first_column = tile_column * columns;
  Stager<T, A, tile> left(view_a, m, first_row, k_begin, k_end);
  Stager<T, B, columns> right(view_b, n, first_column, k_begin, k_end);
  T sums[micro][across] = {};
  left.fetch();
  right.fetch();
  for (int k0 = k_begin; k0 < k_end; k0 += tile_depth) {
    left.put(a);
    right.put(b);
    __syncthreads();
    if (k_end - k0 > tile_depth) {
      left.fetch();
      right.fetch();
    }
    for (int k = 0; k < tile_depth; ++k) {
      T of_a[micro], of_b[across];
      load_four(&a[k][row], of_a);
      if constexpr (across == 4) {
        load_four(&b[k][column], of_b);
      } else {
        for (int j = 0; j < across; ++j) of_b[j] = b[k][column + j];
      }
      for (int i = 0; i < micro; ++i) {
        for (int j = 0; j < across; ++j) sums[i][j] += of_a[i] * of_b[j];
      }
    }
    __syncthreads();
  }
  const int count = n - first_column - column < across ? n - first_column - column : across;
  for (int i = 0; i < micro && count > 0; ++i) {
    if (first_row + row + i < m) store(first_row + row + i, first_column + column, count, sums[i]);
  }
}

}  // namespace kantor::KANTOR_BACKEND
