// Clusters of blocks, as kernels/ptx_cluster.h names them: the blocks of a cluster run at the same time, wait for each
// other, and reach each other's dynamic shared memory. What CUDA leaves undefined is an error here, whatever the order
// of threads: a peer's memory before the first cluster barrier, when the peer may not have begun, and after the last
// one that the peer comes to, when it may have ended; a barrier that a block has left out by ending.
#pragma once

#include "kernels/sim/runtime.h"

namespace kantor::sim {

inline constexpr bool has_clusters = true;

inline int cluster_rank() {
  return rank_in_cluster();
}
inline int cluster_blocks() {
  return blocks_of_cluster();
}
inline void cluster_barrier(Site site = Site::here()) {
  await_cluster(site);
}

// The accesses stand in this header, so that the checkers that watch a kernel's accesses see them.
inline float load_peer(const float* own, int rank, Site site = Site::here()) {
  return *static_cast<const float*>(peer_address(own, sizeof(float), rank, "load_peer", site));
}
inline void store_peer(float* own, int rank, float value, Site site = Site::here()) {
  *static_cast<float*>(peer_address(own, sizeof(float), rank, "store_peer", site)) = value;
}
inline void store_peer(int* own, int rank, int value, Site site = Site::here()) {
  *static_cast<int*>(peer_address(own, sizeof(int), rank, "store_peer", site)) = value;
}

}  // namespace kantor::sim
