// What versions 4 to 6 share: how a block's threads copy a stage of a tile of 128 x 64 in pieces of 16 bytes, and where
// the numbers lie in shared memory. An operand lies there as it lies in memory: along k as [row][36], else as
// [k][rows + 8], of 32 k a stage. The gaps keep pieces at multiples of 16 bytes and spread what a warp reads at once
// over the banks.
#pragma once

#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {

inline constexpr int tile_rows = 128, tile_columns = 64, stage_depth = 32, tile_threads = 128;

/// Numbers from a row (along k) or from a k to the next.
template <class View, int rows>
inline constexpr int stage_stride = View::along_k ? stage_depth + 4 : rows + 8;
template <class View, int rows>
inline constexpr int operand_floats = (View::along_k ? rows : stage_depth) * stage_stride<View, rows>;
template <class Pass>
inline constexpr int stage_size =
    operand_floats<typename Pass::Left, tile_rows> + operand_floats<typename Pass::Right, tile_columns>;

/// A thread's pieces of an operand: one in every `between`-th line. Lines are the rows (along k) or the k of a stage.
template <class View, int rows>
class StagePieces {
  static constexpr int pieces = (View::along_k ? stage_depth : rows) / 4, between = tile_threads / pieces;
  static constexpr int count = (View::along_k ? rows : stage_depth) / between;
  static constexpr int kept = View::along_k ? count : 1;  // rows: those of all pieces, or the first of the piece's four

 public:
  __device__ StagePieces(const View& view, int first, int extent) : view_(view), last_(extent - first) {
#pragma unroll
    for (int i = 0; i < kept; ++i) {
      const int r = View::along_k ? line() + i * between : piece();
      rows_[i] = view.row(first + (r < last_ ? r : 0));
    }
  }

  /// Calls copy(place in the stage, address, whether it is inside the operand) for each piece of k from k0 on.
  template <class Copy>
  __device__ void each(int k0, int k, const Copy& copy) const {
    typename View::Term term{};
    if (View::along_k && k0 + piece() < k) term = view_.term(k0 + piece());
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const int r = View::along_k ? line() + i * between : piece();
      const int at = k0 + (View::along_k ? piece() : line() + i * between);
      int offset = 0;
      bool inside = r < last_ && at < k;
      if (!View::along_k && inside) term = view_.term(at);
      inside = inside && view_.find(rows_[View::along_k ? i : 0], term, offset);
      copy((line() + i * between) * stage_stride<View, rows> + piece(), view_.data + (inside ? offset : 0), inside);
    }
  }

 private:
  __device__ static int line() {
    return int(threadIdx.x) / pieces;
  }
  __device__ static int piece() {
    return int(threadIdx.x) % pieces * 4;
  }

  const View& view_;
  int last_;  // rows inside the operand, from the tile's first on
  typename View::Row rows_[kept];
};

/// A thread's 8 x 8 sums, of a tile whose threads stand 16 down and 8 across: versions 4 and 5.
template <class Pass>
class RegisterSums {
  static constexpr int part = 8, down = tile_rows / part, across = tile_columns / part;
  static constexpr bool a_along_k = Pass::Left::along_k, b_along_k = Pass::Right::along_k;
  static constexpr int a_stride = stage_stride<typename Pass::Left, tile_rows>;
  static constexpr int b_stride = stage_stride<typename Pass::Right, tile_columns>;

 public:
  /// Adds the products of a stage, two k at a time.
  __device__ void multiply(const float* a, const float* b) {
#pragma unroll 2
    for (int i = 0; i < stage_depth; i += 2) {
      float left[2][part], right[2][part];
      read<a_along_k, down, a_stride>(a, y(), i, left);
      read<b_along_k, across, b_stride>(b, x(), i, right);
#pragma unroll
      for (int j = 0; j < 2; ++j) {
#pragma unroll
        for (int p = 0; p < part; ++p) {
#pragma unroll
          for (int q = 0; q < part; ++q) sums_[p][q] = fmaf(left[j][p], right[j][q], sums_[p][q]);
        }
      }
    }
  }

  /// Writes those inside C, in fours where a thread has neighbours.
  __device__ void store(const Pass& pass, int first_row, int first_column, float* out) const {
#pragma unroll
    for (int p = 0; p < part; ++p) {
      const int row = first_row + place<a_along_k, down>(y(), p);
      if (row >= pass.m) continue;
      float* const to = out + pass.place(row);
#pragma unroll
      for (int q = 0; q < part; q += b_along_k ? 1 : 4) {
        const int column = first_column + place<b_along_k, across>(x(), q);
        if (column >= pass.n) continue;
        if constexpr (b_along_k) {
          to[column] = sums_[p][q];
        } else {
          const float four[4] = {sums_[p][q], sums_[p][q + 1], sums_[p][q + 2], sums_[p][q + 3]};
          store_four(to + column, four);
        }
      }
    }
  }

 private:
  __device__ static int y() {
    return int(threadIdx.x) / across;
  }
  __device__ static int x() {
    return int(threadIdx.x) % across;
  }
  /// The row in the tile of a thread's p-th: along k every lanes-th, else groups of four neighbours.
  template <bool along_k, int lanes>
  __device__ static int place(int lane, int p) {
    return along_k ? lane + p * lanes : (p / 4 * lanes + lane) * 4 + p % 4;
  }
  /// A thread's eight rows of two k: 8 bytes a row, or 16 bytes a k.
  template <bool along_k, int lanes, int stride>
  __device__ static void read(const float* from, int lane, int i, float (&out)[2][part]) {
#pragma unroll
    for (int p = 0; p < part; ++p) {
      if constexpr (along_k) {
        const float2 two = *reinterpret_cast<const float2*>(from + place<true, lanes>(lane, p) * stride + i);
        out[0][p] = two.x;
        out[1][p] = two.y;
      } else if (p % 4 == 0) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          float four[4];
          load_four(from + (i + j) * stride + place<false, lanes>(lane, p), four);
#pragma unroll
          for (int e = 0; e < 4; ++e) out[j][p + e] = four[e];
        }
      }
    }
  }

  float sums_[part][part] = {};
};

}  // namespace kantor::KANTOR_BACKEND
