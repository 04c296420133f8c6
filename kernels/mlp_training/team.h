// A team: the blocks that train one model. Each holds the weights, has its share of the batch and of the parameters,
// and waits for the others twice an update. For kernel files.
#pragma once

#include "kernels/backend.h"

namespace kantor::KANTOR_BACKEND {

/// Waits until *arrivals is at least `target`, and returns whether it came to that. The limit is some seconds, far
/// beyond any training step: then another block has failed.
__device__ inline bool await_arrivals(unsigned* arrivals, unsigned target) {
#ifdef __CUDACC__
  constexpr int most_polls = 1 << 23;
  const volatile unsigned* count = arrivals;
  for (int polls = 0; *count < target; ++polls) {
    if (polls == most_polls) return false;
  }
#else
  await_count(arrivals, target);
  atomicOr(arrivals, 0U);  // tells the race checker whose writes are seen
#endif
  return true;
}

class Team {
 public:
  /// `arrivals` counts the blocks that have come to barriers, from 0; `failed` is set where one waits in vain;
  /// `scratch` is an int in shared memory.
  __device__ Team(int own_rank, int blocks, unsigned* arrivals, unsigned* failed, int* scratch)
      : rank(own_rank), size(blocks), arrivals_(arrivals), failed_(failed), scratch_(scratch) {}

  /// Every thread of every block has come here; what they wrote before is visible to reads past the L1 cache. False: a
  /// block did not come, and the kernel has to end.
  __device__ bool barrier() {
    __syncthreads();
    if (size == 1) return true;
    target_ += unsigned(size);
    if (threadIdx.x == 0) {
      __threadfence();
      atomicAdd(arrivals_, 1U);
      const bool met = await_arrivals(arrivals_, target_);
      if (!met) atomicExch(failed_, 1U);
      __threadfence();
      *scratch_ = met ? 1 : 0;
    }
    __syncthreads();
    return *scratch_ != 0;
  }

  const int rank, size;

 private:
  unsigned *arrivals_, *failed_;
  int* scratch_;
  unsigned target_ = 0;
};

}  // namespace kantor::KANTOR_BACKEND
