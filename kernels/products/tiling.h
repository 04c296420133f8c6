// Tiling: how a block's tile of a product is cut among its warps and along k, and the tilings that are compiled.
// Plain C++.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/compile.h"

#include <cstddef>
#include <cstdint>

namespace kantor {

/// C is made in tiles of rows x columns, one a block. Along k a tile advances by stages of `depth`, of which `stages`
/// are in shared memory: one is multiplied while the others arrive.
struct Tiling {
  int rows, columns, depth, stages;
  int warp_rows, warp_columns;  // the part of a warp
  int slices;                   // groups of warps that share the k of each stage; their sums are added in shared memory
  int lanes_down;               // float32: of the 32 lanes of a warp, so many stand below each other
  int blocks;                   // that a multiprocessor is to hold; the compiler limits the registers for it
  bool warpgroups = false;      // multiplied by the asynchronous products of warpgroups (wgmma)

  [[nodiscard]] KANTOR_FUNCTION constexpr int warps_across() const { return columns / warp_columns; }
  /// Threads that make the tile together, from one slice of k.
  [[nodiscard]] KANTOR_FUNCTION constexpr int group() const { return rows / warp_rows * warps_across() * 32; }
  [[nodiscard]] KANTOR_FUNCTION constexpr int threads() const { return group() * slices; }
  [[nodiscard]] KANTOR_FUNCTION constexpr int slice_depth() const { return depth / slices; }
  [[nodiscard]] KANTOR_FUNCTION constexpr int lanes_across() const { return 32 / lanes_down; }

  // An operand lies in shared memory as it lies in memory: along k as [rows][depth + 4], else as [depth][rows + 8]. The
  // gaps spread the reads of a warp over all banks.
  [[nodiscard]] KANTOR_FUNCTION static constexpr int stride(bool along_k, int rows, int depth) {
    return along_k ? depth + 4 : rows + 8;
  }
  [[nodiscard]] KANTOR_FUNCTION constexpr int floats(bool along_k, int of_rows) const {
    return (along_k ? of_rows : depth) * stride(along_k, of_rows, depth);
  }
  [[nodiscard]] KANTOR_FUNCTION constexpr int stage_floats(bool a_along_k, bool b_along_k) const {
    return floats(a_along_k, rows) + floats(b_along_k, columns);
  }
  /// Bytes of shared memory: the stages, or the sums of all slices, which come after them.
  [[nodiscard]] KANTOR_FUNCTION constexpr size_t shared_bytes(bool a_along_k, bool b_along_k) const {
    const size_t of_stages = sizeof(float) * size_t(stages) * size_t(stage_floats(a_along_k, b_along_k));
    const size_t of_slices = slices > 1 ? sizeof(float) * size_t(slices) * size_t(rows) * size_t(columns) : 0;
    return of_stages > of_slices ? of_stages : of_slices;
  }

  // For warpgroups both operands lie along k, in numbers of 2 or 4 bytes, and without gaps: their pieces are permuted
  // instead (kernels/matrix_descriptor.h), in atoms that begin at multiples of `atom` bytes.
  static constexpr int atom = 1024;
  [[nodiscard]] KANTOR_FUNCTION constexpr size_t shared_bytes(int number_bytes) const {
    return atom + size_t(stages) * size_t(rows + columns) * size_t(depth) * size_t(number_bytes);
  }
};

/// Of an operand's number as tensor cores read it.
KANTOR_FUNCTION constexpr int number_bytes(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::bf16 ? 2 : 4;
}

// In float32 a thread makes 8 x 8 sums (8 x 4 in the last). 64 products need 16 numbers from shared memory, which are
// read four at once: the reads take a quarter of the time of the products. Small tiles are for products that would else
// not fill a GPU; their warps share the k of a stage instead.
inline constexpr Tiling multiply_add_tilings[] = {
    {128, 128, 16, 3, 32, 64, 1, 4, 1}, {128, 64, 16, 4, 32, 64, 1, 4, 3}, {64, 64, 16, 4, 32, 64, 1, 4, 6},
    {64, 32, 32, 3, 64, 32, 4, 8, 3},   {32, 32, 32, 3, 32, 32, 8, 4, 2},
};
// On tensor cores a warp makes 16 x 8 sums an instruction. Three products need more registers than one.
inline constexpr Tiling tensor_core_tilings[] = {
    {128, 128, 32, 3, 64, 64, 1, 0, 2},
    {128, 64, 32, 3, 64, 32, 1, 0, 2},
    {64, 64, 32, 4, 32, 32, 1, 0, 3},
    {64, 32, 32, 4, 32, 32, 2, 0, 3},
};
// By warpgroups, for TF32 and bfloat16: their tilings are counted on from those of tensor cores. A warp makes 16 rows.
// An instruction of n columns reads 64 + n rows of a stage in the time of n / 2 clocks: 256 columns leave shared memory
// 48 of its 128 bytes a clock for the copies, and 128 columns 32.
inline constexpr Tiling warpgroup_tilings[] = {
    {128, 256, 32, 3, 16, 256, 1, 0, 1, true},
    {128, 128, 32, 3, 16, 128, 1, 0, 2, true},
};
/// The float32 tiling whose kernels also take operands that are not aligned.
inline constexpr int any_alignment = 2;
/// The first that three products use: above it, their registers would not suffice.
inline constexpr int first_of_three = 1;

/// The first by warpgroups.
inline constexpr int first_of_warpgroups = int(sizeof tensor_core_tilings / sizeof(Tiling));

KANTOR_FUNCTION constexpr int tilings_of(Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::float32) return int(sizeof multiply_add_tilings / sizeof(Tiling));
  const int by_warpgroups = arithmetic == Arithmetic::three_tf32 ? 0 : int(sizeof warpgroup_tilings / sizeof(Tiling));
  return first_of_warpgroups + by_warpgroups;
}
KANTOR_FUNCTION constexpr Tiling tiling_of(Arithmetic arithmetic, int index) {
  if (arithmetic == Arithmetic::float32) return multiply_add_tilings[index];
  return index < first_of_warpgroups ? tensor_core_tilings[index] : warpgroup_tilings[index - first_of_warpgroups];
}

/// Whether a kernel is compiled for the plan: all tilings where both operands are copied four floats at a time, and in
/// float32 one that takes any operands. `single_right`: the problem also copies its right operand float by float while
/// the left one is aligned (the weight gradient of pictures of one or three channels).
KANTOR_FUNCTION constexpr bool is_compiled(Arithmetic arithmetic, int tiling, int vector_left, int vector_right,
                                           bool single_right) {
  if (vector_left == 4 && vector_right == 4) {
    return arithmetic != Arithmetic::three_tf32 || tiling >= first_of_three;
  }
  if (arithmetic != Arithmetic::float32) return false;
  if (vector_left == 1 && vector_right == 1) return tiling == any_alignment;
  return single_right && vector_left == 4 && (tiling == any_alignment || tiling == any_alignment + 1);
}

}  // namespace kantor
