// How the blocks of a cluster load weights together: each copies its share of the rows from device memory into the
// shared memory of all of them, so that the L2 cache is read once a cluster and not once a block. For kernel files.
//
// A row is a bulk copy with multicast; an mbarrier in each block counts the bytes of all rows. The weights were
// written, and the rows' places read and written, by threads; copies take the way of the async proxy. So between the
// two stand fence_async_proxy() of the writing threads, a barrier of the cluster, and fence_async_proxy() of those that
// start copies.
#pragma once

#include "kernels/backend.h"
#include "kernels/ptx_cluster.h"

namespace kantor::KANTOR_BACKEND {

class ClusterLoad {
 public:
  /// `barrier`: 8 bytes of shared memory, at the same place in every block. Off: there is none, and nothing is called.
  __device__ ClusterLoad(bool on, float* barrier) : on_(on), barrier_(reinterpret_cast<uint64_t*>(barrier)) {}

  __device__ bool on() const { return has_multicast && on_; }
  /// Every thread of the cluster calls it, before the first load and after the last. Ends with a cluster barrier.
  __device__ void begin() const {
    if (threadIdx.x == 0) {
      mbarrier_init(barrier_, 1);
      fence_mbarrier_init();
    }
    cluster_barrier();
  }
  __device__ void end() const { cluster_barrier(); }

  /// A barrier of the cluster before a load: its blocks have read the network that is there.
  __device__ void meet() const {
    fence_async_proxy();
    cluster_barrier();
  }
  /// One thread of the block announces what the load copies to it.
  __device__ void expect(int bytes) const { mbarrier_expect(barrier_, unsigned(bytes)); }
  /// Copies a row to the same place in all blocks. For each row of the whole load one thread of the cluster calls it.
  __device__ void copy(float* to, const float* from, int floats) const {
    copy_bulk(to, from, unsigned(floats) * 4U, barrier_, (1U << unsigned(cluster_blocks())) - 1U);
  }
  /// Every thread waits until all rows are there.
  __device__ void await() {
    mbarrier_wait(barrier_, parity_);
    parity_ ^= 1U;
  }

 private:
  bool on_;
  uint64_t* barrier_;
  unsigned parity_ = 0;
};

}  // namespace kantor::KANTOR_BACKEND
