// The sums of a patch of weight gradients on tensor cores, by three TF32 products (kernels/products/tensor_product.h).
// For kernel files.
//
// A warp sums deltas x activations over its samples, 8 rows an instruction: zeros where fewer are left. The order of
// outputs and inputs inside a patch is free, so a lane takes neighbours, and reads them 16 bytes at once: of each of 4
// rows a warp reads 128 bytes, four whole sectors.
//
// Counted for 8 rows of a patch of 32 x 64, a warp: 6 loads, 72 instructions to split, 48 of tensor cores, 64
// additions, where float32 has 32 loads and 512 multiply-adds; of one of 16 x 32: 4, 36, 12 and 16, for 16 and 128.
#pragma once

#include "kernels/backend.h"
#include "kernels/products/tensor_product.h"

namespace kantor::KANTOR_BACKEND {

template <int outs, int ins>
class TensorPatch {
  using Product = ThreeProducts<0, false>;
  static constexpr int down = outs / 16, fours = ins / 32;  // tiles of 16 outputs; four tiles of 8 inputs each
  static_assert(outs % 16 == 0 && ins % 32 == 0);
  /// Whether the next rows are on their way while some are multiplied: a large patch has no registers for it, and two
  /// warps a scheduler with enough to multiply.
  static constexpr bool reads_ahead = down == 1;

 public:
  __device__ TensorPatch() : g_(threadIdx.x % 32 / 4), t_(threadIdx.x % 4) {
#pragma unroll
    for (int i = 0; i < down; ++i) {
#pragma unroll
      for (int q = 0; q < fours; ++q) {
#pragma unroll
        for (int p = 0; p < 4; ++p) {
#pragma unroll
          for (int e = 0; e < 4; ++e) large_[i][q][p][e] = small_[i][q][p][e] = 0.0F;
        }
      }
    }
  }

  /// Adds the rows of `count` neighbouring samples in each of some classes, which are `apart` floats from each other;
  /// from the patch's first units on, `width` floats a row.
  template <int width>
  __device__ void add(const float* deltas, const float* activations, int count, int classes, int64_t apart) {
    const int steps = (count + Product::depth - 1) / Product::depth * classes;
    int first = 0;
    Factors next;
    if (reads_ahead && steps > 0) next.template read<width>(deltas, activations, first, count, g_, t_);
#pragma unroll(reads_ahead ? 2 : 1)
    for (int step = 0; step < steps; ++step) {
      if (!reads_ahead) next.template read<width>(deltas, activations, first, count, g_, t_);
      const Factors now = next;
      first += Product::depth;
      if (first >= count) {
        first = 0;
        deltas += apart;
        activations += apart;
      }
      if (reads_ahead && step + 1 < steps) next.template read<width>(deltas, activations, first, count, g_, t_);
      multiply(now);
    }
  }

  /// Writes the sums to [outs][ins] in shared memory.
  __device__ void store(float* sums) const {
#pragma unroll
    for (int i = 0; i < down; ++i) {
#pragma unroll
      for (int q = 0; q < fours; ++q) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          float4 four;
          four.x = large_[i][q][0][e] + small_[i][q][0][e];
          four.y = large_[i][q][1][e] + small_[i][q][1][e];
          four.z = large_[i][q][2][e] + small_[i][q][2][e];
          four.w = large_[i][q][3][e] + small_[i][q][3][e];
          const int out = g_ * 2 * down + 2 * i + e / 2, in = q * 32 + (t_ * 2 + e % 2) * 4;
          *reinterpret_cast<float4*>(sums + out * ins + in) = four;
        }
      }
    }
  }

 private:
  /// A lane's factors of 8 rows, of two of which it has some: outputs 2 i and 2 i + 1 belong to tile i, inputs
  /// 4 q to 4 q + 3 each to a tile.
  struct Factors {
    float of_out[2][2 * down], of_in[2][4 * fours];

    template <int width>
    __device__ void read(const float* deltas, const float* activations, int first, int count, int g, int t) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first + half * 4 + t;
        const bool inside = row < count;
        read_some(deltas + row * width + g * 2 * down, inside, of_out[half]);
        read_some(activations + row * width + g * 4, inside, of_in[half]);
      }
    }
  };

  /// Two, four, or eight numbers of which the second half is 32 floats behind the first; past the L1 cache, which may
  /// hold the rows of the last update.
  template <int count>
  __device__ static void read_some(const float* from, bool inside, float (&to)[count]) {
    if constexpr (count == 2) {
      const float2 two = inside ? __ldcg(reinterpret_cast<const float2*>(from)) : make_float2(0, 0);
      to[0] = two.x;
      to[1] = two.y;
    } else {
#pragma unroll
      for (int i = 0; i < count; i += 4) {
        const float4 four = inside ? __ldcg(reinterpret_cast<const float4*>(from + i * 8)) : make_float4(0, 0, 0, 0);
        to[i] = four.x;
        to[i + 1] = four.y;
        to[i + 2] = four.z;
        to[i + 3] = four.w;
      }
    }
  }

  __device__ void multiply(const Factors& f) {
#pragma unroll
    for (int q = 0; q < fours; ++q) {
      typename Product::Right right[4];
#pragma unroll
      for (int p = 0; p < 4; ++p) {
        const float pair[1][2] = {{f.of_in[0][q * 4 + p], f.of_in[1][q * 4 + p]}};
        right[p] = typename Product::Right(pair);
      }
#pragma unroll
      for (int i = 0; i < down; ++i) {
        const float four[1][4] = {
            {f.of_out[0][2 * i], f.of_out[0][2 * i + 1], f.of_out[1][2 * i], f.of_out[1][2 * i + 1]}};
        Product::multiply(large_[i][q], small_[i][q], typename Product::Left(four), right);
      }
    }
  }

  const int g_, t_;
  float large_[down][fours][4][4], small_[down][fours][4][4];
};

}  // namespace kantor::KANTOR_BACKEND
