// The products of one stage on tensor cores, whose operands are TF32 or bfloat16 and whose sums are float32. For kernel
// files.
//
// float32 by three TF32 products. TF32 keeps 11 bits of a number's 24. So x = high + low with high = x rounded to TF32
// and low = x - high, which is exact, rounded too. Of the four products low low is left out, at most 2^-22 of the
// whole. All numbers are first multiplied by 2^24, which is exact: low parts would else lie below the smallest float32
// where x does not. Tensor cores cut where float32 rounds: so each sum of 8 products begins anew and is added to the
// thread's by a float32 addition, which rounds (Ootomo and Yokota 2022, "Recovering single precision accuracy from
// Tensor Cores"). tests/products_accuracy_test.cpp compares the errors with float32's. Infinity, NaN and what overflows
// make a sum that is not finite: the tile kernel computes those anew in float32.
#pragma once

#include "kernels/products/tiling.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

// What each arithmetic makes of the fragments of float32 numbers, `depth` along k, that kernels/ptx.h describes:
// Left and Right, its operands of one instruction, and multiply, which adds their product to a thread's four sums.
template <Arithmetic arithmetic>
struct TensorProduct;

template <>
struct TensorProduct<Arithmetic::tf32> {
  static constexpr int depth = 8;
  struct Left {
    uint32_t of[4];
    __device__ explicit Left(const float (&x)[1][4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) of[i] = round_to_tf32(x[0][i]);
    }
  };
  struct Right {
    uint32_t of[2];
    __device__ explicit Right(const float (&x)[1][2]) {
#pragma unroll
      for (int i = 0; i < 2; ++i) of[i] = round_to_tf32(x[0][i]);
    }
  };
  template <int count>
  __device__ static void multiply(float (&sums)[count][4], const Left& a, const Right (&b)[count]) {
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(sums[j], a.of, b[j].of);
  }
};

/// Two k that are 4 apart make a pair. The sum does not depend on the order of k, as long as both operands have it.
template <>
struct TensorProduct<Arithmetic::bf16> {
  static constexpr int depth = 16;
  struct Left {
    uint32_t of[4];
    __device__ explicit Left(const float (&x)[2][4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) of[i] = round_to_bf16(x[i / 2][i % 2], x[i / 2][i % 2 + 2]);
    }
  };
  struct Right {
    uint32_t of[2];
    __device__ explicit Right(const float (&x)[2][2]) {
#pragma unroll
      for (int i = 0; i < 2; ++i) of[i] = round_to_bf16(x[i][0], x[i][1]);
    }
  };
  template <int count>
  __device__ static void multiply(float (&sums)[count][4], const Left& a, const Right (&b)[count]) {
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_bf16(sums[j], a.of, b[j].of);
  }
};

template <>
struct TensorProduct<Arithmetic::three_tf32> {
  static constexpr int depth = 8;
  static constexpr float scale = 1 << 24, unscale = 1.0F / (scale * scale);

  /// The high part is rounded by an addition to the bits, ties away from zero, which loses a NaN: but then low is NaN.
  __device__ static void split(float x, uint32_t& high, uint32_t& low) {
    const float scaled = x * scale;
    high = (__float_as_uint(scaled) + 0x1000U) & 0xffffe000U;
    low = round_to_tf32(scaled - __uint_as_float(high));
  }
  struct Left {
    uint32_t high[4], low[4];
    __device__ explicit Left(const float (&x)[1][4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) split(x[0][i], high[i], low[i]);
    }
  };
  struct Right {
    uint32_t high[2], low[2];
    __device__ explicit Right(const float (&x)[1][2]) {
#pragma unroll
      for (int i = 0; i < 2; ++i) split(x[0][i], high[i], low[i]);
    }
  };
  // Instructions that wait for each other's sums are `count` apart.
  template <int count>
  __device__ static void multiply(float (&sums)[count][4], const Left& a, const Right (&b)[count]) {
    float large[count][4] = {}, small[count][4] = {};
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(small[j], a.low, b[j].high);
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(large[j], a.high, b[j].high);
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(small[j], a.high, b[j].low);
#pragma unroll
    for (int j = 0; j < count; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[j][i] += large[j][i] + small[j][i];
    }
  }
};

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
