// Sums over the threads of a warp and of a block, in a fixed order. For kernel files.
#pragma once

#include "kernels/backend.h"

namespace kantor::KANTOR_BACKEND {

inline constexpr unsigned full_warp = 0xffffffffU;

/// Sum over the lanes of a warp; every lane gets it. All 32 lanes take part.
template <class T>
__device__ T warp_sum(T value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(full_warp, value, offset);
  return value;
}

/// Sum over a block of `threads` (a multiple of 32, at most 1024); every thread gets it. `scratch` holds 32 values in
/// shared memory and may be used again after the call.
template <class T>
__device__ T block_sum(T value, T* scratch) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  value = warp_sum(value);
  if (lane == 0) scratch[warp] = value;
  __syncthreads();
  T total = 0;
  for (int w = 0; w < warps; ++w) total += scratch[w];
  __syncthreads();
  return total;
}

}  // namespace kantor::KANTOR_BACKEND
