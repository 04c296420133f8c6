// What tensor cores make of fragments of float32 numbers, in each arithmetic. For kernel files.
//
// float32 by three TF32 products. TF32 keeps 11 bits of a number's 24. So x = high + low with high = x rounded to TF32
// and low = x - high, which is exact, rounded too. Of the four products low low is left out, at most 2^-22 of the
// whole. Products of any matrices first multiply all numbers by 2^24, which is exact: low parts would else lie below
// the smallest float32 where x does not. Tensor cores cut where float32 rounds: so each sum of 8 products begins anew
// and is added to the thread's by a float32 addition, which rounds (Ootomo and Yokota 2022, "Recovering single
// precision accuracy from Tensor Cores"). tests/products_accuracy_test.cpp compares the errors with float32's.
// Infinity, NaN and what overflows make a sum that is not finite: the tile kernel computes those anew in float32.
#pragma once

#include "kernels/arithmetic.h"
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

/// float32 by three TF32 products, of numbers times 2^exponent. A low part has at most 12 bits, so rounding changes the
/// last of them, in a quarter of all numbers; without it a tensor core ignores that bit, which is as far off, and two
/// or three instructions a number are saved.
template <int exponent, bool rounds_low>
struct ThreeProducts {
  static constexpr int depth = 8;
  static constexpr float scale = 1 << exponent, unscale = 1.0F / (scale * scale);

  /// The high part is rounded by an addition to the bits, ties away from zero, which loses a NaN: but then low is NaN.
  __device__ static void split(float x, uint32_t& high, uint32_t& low) {
    const float scaled = exponent == 0 ? x : x * scale;
    high = (__float_as_uint(scaled) + 0x1000U) & 0xffffe000U;
    const float rest = scaled - __uint_as_float(high);
    low = rounds_low ? round_to_tf32(rest) : __float_as_uint(rest);
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
    Right() = default;
    __device__ explicit Right(const float (&x)[1][2]) {
#pragma unroll
      for (int i = 0; i < 2; ++i) split(x[0][i], high[i], low[i]);
    }
  };
  template <int count>
  __device__ static void multiply(float (&sums)[count][4], const Left& a, const Right (&b)[count]) {
    float large[count][4] = {}, small[count][4] = {};
    add_products(large, small, a, b);
#pragma unroll
    for (int j = 0; j < count; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[j][i] += large[j][i] + small[j][i];
    }
  }
  /// The same of sums in two parts, large + small. What a tensor core cuts from the small one lies 2^-11 below, so that
  /// it is added there, and half of the additions are saved.
  template <int count>
  __device__ static void multiply(float (&large)[count][4], float (&small)[count][4], const Left& a,
                                  const Right (&b)[count]) {
    float products[count][4] = {};
    add_products(products, small, a, b);
#pragma unroll
    for (int j = 0; j < count; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) large[j][i] += products[j][i];
    }
  }

 private:
  /// On tensor cores, whose instructions that wait for each other's sums are `count` apart.
  template <int count>
  __device__ static void add_products(float (&large)[count][4], float (&small)[count][4], const Left& a,
                                      const Right (&b)[count]) {
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(small[j], a.low, b[j].high);
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(large[j], a.high, b[j].high);
#pragma unroll
    for (int j = 0; j < count; ++j) multiply_tf32(small[j], a.high, b[j].low);
  }
};
template <>
struct TensorProduct<Arithmetic::three_tf32> : ThreeProducts<24, true> {};

}  // namespace kantor::KANTOR_BACKEND
