// A team: the blocks that train one model. Each holds the weights, has its share of the batch and of the parameters,
// and waits for the others twice an update. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/ptx_cluster.h"

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
  /// `scratch` is an int in shared memory. The launch's clusters divide the team.
  __device__ Team(int own_rank, int blocks, unsigned* arrivals, unsigned* failed, int* scratch)
      : rank(own_rank), size(blocks), arrivals_(arrivals), failed_(failed), scratch_(scratch) {}

  /// Every thread of every block has come here; what they wrote before is visible to reads past the L1 cache. False: a
  /// block did not come, and the kernel has to end. A cluster meets first, its first block counts all of it and
  /// waits for the other clusters, and it meets again.
  __device__ bool barrier() {
    meet();
    if (is_one_cluster()) return true;
    target_ += unsigned(size);
    if (threadIdx.x == 0 && cluster_rank() == 0) {
      __threadfence();
      atomicAdd(arrivals_, unsigned(cluster()));
      const bool met = await_arrivals(arrivals_, target_);
      if (!met) atomicExch(failed_, 1U);
      __threadfence();
      *scratch_ = met ? 1 : 0;
      for (int peer = 1; peer < cluster(); ++peer) store_peer(scratch_, peer, met ? 1 : 0);
    }
    meet();
    return *scratch_ != 0;
  }

  /// Whether the team is one cluster, or one block: then its blocks reach all copies of the weights.
  __device__ bool is_one_cluster() const { return size == cluster(); }
  /// Writes a number that lies at `own` in this block's shared memory to the same place in every block of the cluster.
  __device__ static void store_everywhere(float* own, float value) {
    if (cluster() == 1) {
      *own = value;
    } else {
      for (int peer = 0; peer < cluster(); ++peer) store_peer(own, peer, value);
    }
  }

  const int rank, size;

 private:
  /// Before compute capability 9.0 there are no clusters, and no code for them.
  __device__ static int cluster() { return has_clusters ? cluster_blocks() : 1; }
  /// All threads of the block, or of its cluster.
  __device__ static void meet() {
    if (cluster() == 1) {
      __syncthreads();
    } else {
      cluster_barrier();
    }
  }

  unsigned *arrivals_, *failed_;
  int* scratch_;
  unsigned target_ = 0;
};

}  // namespace kantor::KANTOR_BACKEND
