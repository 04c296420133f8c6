// Sums over the threads of a warp and of a block, in a fixed order, and the last block of a launch. For kernel files.
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

/// Whether this block is the last of `blocks` to come here. What the others wrote before is then visible: their barrier
/// orders it before their first thread's fence, that before the count, and that before this block's fence and barrier.
/// `arrived` counts, and is 0 again at the end.
template <class Count>
__device__ bool is_last_block(Count* arrived, unsigned blocks) {
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicAdd(arrived, Count(1)) == blocks - 1;
    if (last) atomicExch(arrived, Count(0));  // for the next launch
    __threadfence();
  }
  __syncthreads();
  return last;
}

}  // namespace kantor::KANTOR_BACKEND
