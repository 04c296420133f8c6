// Kernels of asynchronous copies and tensor cores with one planted bug each, and without.
#pragma once

#include "kernels/launcher.h"

namespace kantor::sim::bugs {

/// Stages of 64 floats pass through a ring of three; thread i adds what thread i + 1 has copied: y [64], x [8 * 64].
enum class Pipeline : uint8_t {
  right,
  wait_too_few,   // one group more may still be on its way
  no_barrier,     // the neighbour's copy is read without a barrier after the waits
  stage_too_far,  // the stage that is filled is the one that is read
  not_awaited,    // the last copies are never waited for
  misaligned      // copies of four floats begin at the second
};
void pipeline(Pipeline bug, const float* x, float* y, Stream stream);

/// C [16, 8] = A [16, 8] B [8, 8] by one product of tensor cores; wrong: two of A's fragments are swapped.
void fragments(bool right, const float* a, const float* b, float* c, Stream stream);

/// C [64, 128] is the sum over six stages s of A_s B_s, by the products of one warpgroup in TF32, over a ring of three
/// stages. A_s (row, k) is x[stage_element(s, row, k)], B_s (k, column) x[stage_element(s + 6, column, k)], x [64].
enum class Warpgroup : uint8_t {
  right,
  wait_too_few,       // a group more may still be multiplied when its stage is written
  stage_overwritten,  // a ring of two: the stage that is written is the one that is multiplied
  sums_too_early,     // the last group is not awaited
  no_barrier,         // between a stage's stores and its products
  no_operand_fence,   // between a stage's stores and the barrier
  no_sum_fence,       // before the products
  wrong_swizzle,      // pieces lie in their order
  wrong_place         // the operands do not begin where their swizzle does
};
void warpgroup(Warpgroup bug, const float* x, float* c, Stream stream);
inline int stage_element(int stage, int row, int k) {
  return (stage * 5 + row * 7 + row / 8 + k * 3) % 64;
}

}  // namespace kantor::sim::bugs
