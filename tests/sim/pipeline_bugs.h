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

}  // namespace kantor::sim::bugs
