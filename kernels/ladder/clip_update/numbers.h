// The three numbers of weights that kernels of `clip_update` count, thread by thread. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/ladder/clip_update/layout.h"

namespace kantor::KANTOR_BACKEND {

/// What one thread has seen of a piece's weights.
struct Numbers {
  int saturated = 0;
  float largest = 0;
  double squares = 0;

  __device__ void count(float w, float bound) {
    const float a = fabsf(w);
    saturated += a == bound ? 1 : 0;
    largest = a > largest ? a : largest;
    squares += double(w) * double(w);
  }
};

/// Shared memory of keep_numbers, a place for each warp.
struct NumbersOfWarps {
  double sums[32];
  int counts[32];
  float maxima[32];
};

/// Adds the block's threads' numbers into the row of its piece. All threads call it, and there are a multiple of 32.
__device__ inline void keep_numbers(const Numbers& mine, NumbersOfWarps& warps, double* row) {
  float largest = mine.largest;
  for (int offset = 16; offset > 0; offset /= 2) {
    const float other = __shfl_xor_sync(full_warp, largest, offset);
    largest = other > largest ? other : largest;
  }
  if (threadIdx.x % 32 == 0) warps.maxima[threadIdx.x / 32] = largest;
  const int saturated = block_sum(mine.saturated, warps.counts);  // its barriers show the maxima to all
  const double squares = block_sum(mine.squares, warps.sums);
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < int(blockDim.x) / 32; ++warp) {
    largest = warps.maxima[warp] > largest ? warps.maxima[warp] : largest;
  }
  row[0] = saturated;
  row[1] = double(largest);
  row[2] = squares;
}

}  // namespace kantor::KANTOR_BACKEND
