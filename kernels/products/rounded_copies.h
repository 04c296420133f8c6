// A thread's share of the copies of one operand to the stages of a tile, through registers: for the products of
// warpgroups, which read a stage themselves and cut what they read. So numbers are rounded on their way, to TF32 or
// bfloat16, and every operand comes to lie along k. For kernel files.
#pragma once

#include "kernels/pack.h"
#include "kernels/products/tiling.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

/// Of rows x depth a thread copies squares of four rows and four k (across k: transposed in registers), or pieces of
/// four k (along k). Eight threads side by side have the pieces of a row, which is 128 bytes in TF32 and 64 in
/// bfloat16: stores use all banks (TF32), and loads whole sectors.
template <class View, Arithmetic arithmetic, int rows, int depth, int threads>
class RoundedCopies {
 public:
  static constexpr int row_bytes = depth * number_bytes(arithmetic), row_floats = row_bytes / 4;

  /// Copies rows from `first` on, of [0, extent), and k in [k_begin, k_end).
  __device__ RoundedCopies(const View& view, int first, int extent, int k_begin, int k_end, int thread) : view_(view) {
    const int piece = thread % pieces, line = thread / pieces * side;
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const int r = first + line + i * between;
      rows_[i] = view.row(r < extent ? r : View::along_k ? extent - 1 : 0, r < extent);
    }
    cursor_ = view.cursor(k_begin + piece * 4);
    k_left_ = k_end - (k_begin + piece * 4);
    line_ = line;
    piece_ = piece;
  }

  /// Starts the loads of the next stage. Beyond the operand's end it is zeros.
  __device__ void load() {
    typename View::Cursor at = cursor_;
#pragma unroll
    for (int j = 0; j < side; ++j) {
      const typename View::Cursor here = view_.limited(at, k_left_ > j);
#pragma unroll
      for (int i = 0; i < count; ++i) {
        int offset = 0;
        const bool inside = view_.find(rows_[i], here, k_left_ > j, offset);
#pragma unroll
        for (int e = 0; e < 4; ++e) values_[i][j][e] = 0.0F;
        if (inside) load_four(view_.data + offset, values_[i][j]);
      }
      if (j + 1 < side) view_.template advance<1>(at);
    }
    view_.template advance<depth>(cursor_);
    k_left_ -= depth;
  }

  /// Writes what was loaded to a stage, as matrix_descriptor describes it.
  __device__ void store(SharedFloats stage) const {
#pragma unroll
    for (int i = 0; i < count; ++i) {
#pragma unroll
      for (int j = 0; j < side; ++j) {
        float four[4];
#pragma unroll
        for (int e = 0; e < 4; ++e) four[e] = View::along_k ? values_[i][j][e] : values_[i][e % side][j];
        store_rounded(stage + (place(j) + i * between * row_floats), four);
      }
    }
  }

 private:
  static constexpr int pieces = depth / 4, side = View::along_k ? 1 : 4;
  static constexpr int between = threads / pieces * side;  // rows
  static constexpr int count = rows / between;
  static_assert(pieces == 8 && rows % between == 0 && between % 8 == 0);

  /// Where this thread's piece of row line + j lies: eight rows are an atom, in which pieces of 16 bytes are permuted.
  __device__ int place(int j) const {
    const int row = line_ + j;
    if constexpr (row_bytes == 128) {
      return row * row_floats + (piece_ ^ row % 8) * 4;
    } else {
      return row * row_floats + (piece_ / 2 ^ row / 2 % 4) * 4 + piece_ % 2 * 2;
    }
  }
  /// Whether one of the two is NaN, as one comparison.
  __device__ static bool unordered(float a, float b) {
    return !(a < b || a >= b);
  }
  /// Writes four numbers along k. Tensor cores ignore the 13 lowest bits of a TF32 number, so that adding half of what
  /// these count rounds it, ties away from zero, in one instruction, where round_to_tf32 takes four. A NaN would become
  /// -0; with one among the four, all sums of their row are NaN, and none is rounded. (Of a NaN that differs from an
  /// infinity in the ignored bits alone, which no arithmetic makes, the infinity is left.)
  __device__ static void store_rounded(SharedFloats to, const float (&x)[4]) {
    if constexpr (arithmetic == Arithmetic::bf16) {
      const uint32_t words[2] = {round_to_bf16(x[0], x[1]), round_to_bf16(x[2], x[3])};
      store_operand(to, words);
    } else {
      const bool has_nan = unordered(x[0], x[1]) || unordered(x[2], x[3]);
      const uint32_t half = has_nan ? 0U : 0x1000U;
      const uint32_t words[4] = {__float_as_uint(x[0]) + half, __float_as_uint(x[1]) + half,
                                 __float_as_uint(x[2]) + half, __float_as_uint(x[3]) + half};
      store_operand(to, words);
    }
  }

  const View& view_;
  typename View::Row rows_[count];
  typename View::Cursor cursor_;
  int k_left_, line_, piece_;
  float values_[count][side][4];
};

}  // namespace kantor::KANTOR_BACKEND
