// What the blocks of a cluster do to each other, in PTX, for which CUDA C++ has no name: neighbouring blocks that run
// at the same time on neighbouring multiprocessors (LaunchShape::cluster). Each wrapper has a second body in
// kernels/sim, which the simulator runs. For kernel files. Sources: PTX ISA 8.0, "barrier.cluster", "mapa", "mbarrier",
// "cp.async.bulk" and "Memory Consistency Model", proxies.
//
// A block may touch another's dynamic shared memory after a first cluster barrier, when both have begun, and another
// one must stand between that and the other's end. All this is code for compute capability 9.0 and later: has_clusters.
// Bulk copies to several blocks are code for architecture 90a alone, as ptxas advises: has_multicast.
#pragma once

#include "kernels/backend.h"

#include <cstdint>

#ifndef __CUDACC__
#include "kernels/sim/bulk_copy.h"
#include "kernels/sim/cluster.h"
#endif

namespace kantor::KANTOR_BACKEND {

#ifdef __CUDACC__

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define KANTOR_HAS_CLUSTERS 1
inline constexpr bool has_clusters = true;
#else
inline constexpr bool has_clusters = false;
#endif
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
inline constexpr bool has_multicast = true;
#else
inline constexpr bool has_multicast = false;
#endif

/// This block's number in its cluster, and the blocks of it.
__device__ __forceinline__ int cluster_rank() {
  unsigned rank = 0;
#ifdef KANTOR_HAS_CLUSTERS
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
#endif
  return int(rank);
}
__device__ __forceinline__ int cluster_blocks() {
  unsigned blocks = 1;
#ifdef KANTOR_HAS_CLUSTERS
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(blocks));
#endif
  return int(blocks);
}
/// Waits for all threads of the cluster; what they wrote before, to any memory, is seen behind it.
__device__ __forceinline__ void cluster_barrier() {
#ifdef KANTOR_HAS_CLUSTERS
  asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
#else
  __trap();
#endif
}
/// The address in the cluster's shared memory of what `own` is in the block of that rank.
__device__ __forceinline__ unsigned peer_address(const void* own, int rank) {
  unsigned address = 0;
#ifdef KANTOR_HAS_CLUSTERS
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(unsigned(__cvta_generic_to_shared(own))), "r"(rank));
#else
  __trap();
#endif
  return address;
}
/// Reads and writes what `own`, in this block's dynamic shared memory, is in that of another block.
__device__ __forceinline__ float load_peer(const float* own, int rank) {
  float value = 0;
#ifdef KANTOR_HAS_CLUSTERS
  asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(value) : "r"(peer_address(own, rank)) : "memory");
#endif
  return value;
}
__device__ __forceinline__ void store_peer(float* own, int rank, float value) {
#ifdef KANTOR_HAS_CLUSTERS
  asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(peer_address(own, rank)), "f"(value) : "memory");
#endif
}
__device__ __forceinline__ void store_peer(int* own, int rank, int value) {
#ifdef KANTOR_HAS_CLUSTERS
  asm volatile("st.shared::cluster.s32 [%0], %1;" ::"r"(peer_address(own, rank)), "r"(value) : "memory");
#endif
}

// Bulk copies: one thread starts the copy of a row from global memory into the shared memory of several blocks of its
// cluster, each at the same place. In each an mbarrier, at the same place too, counts the bytes that have landed. An
// mbarrier goes through phases: one ends when all arrivals that it was made for have come, and as many bytes as they
// announced. A wait names a phase by its parity, 0 for the first one. Copies read and write by another path than
// threads, the async proxy: what threads wrote or read before is ordered by fence_async_proxy(), in each thread that
// starts copies, behind the barrier that tells it of the others (and, to be safe, in the others before that barrier).

/// An mbarrier in shared memory, at a multiple of 8 bytes; one thread makes it, for so many arrivals a phase. Others of
/// the block use it after a barrier; copies of other blocks after fence_mbarrier_init() and a cluster barrier.
__device__ __forceinline__ void mbarrier_init(uint64_t* barrier, unsigned arrivals) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(unsigned(__cvta_generic_to_shared(barrier))),
               "r"(arrivals)
               : "memory");
#else
  __trap();
#endif
}
/// Makes what this thread's mbarrier_init did visible to the cluster's copies.
__device__ __forceinline__ void fence_mbarrier_init() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}
/// Announces that many bytes, at most 2^20 - 1, and arrives.
__device__ __forceinline__ void mbarrier_expect(uint64_t* barrier, unsigned bytes) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(unsigned(__cvta_generic_to_shared(barrier))),
      "r"(bytes)
      : "memory");
#else
  __trap();
#endif
}
/// Waits until the phase of that parity has ended; what its copies wrote is then seen by this thread. After some
/// seconds, far beyond any copy, the kernel ends with an error.
__device__ __forceinline__ void mbarrier_wait(uint64_t* barrier, unsigned parity) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  constexpr long long most_clocks = 10'000'000'000;
  const long long begin = clock64();
  unsigned ended = 0;
  while (ended == 0) {
    asm volatile(
        "{\n\t.reg .pred p;\n\tmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\tselp.u32 %0, 1, 0, p;\n\t}"
        : "=r"(ended)
        : "r"(unsigned(__cvta_generic_to_shared(barrier))), "r"(parity)
        : "memory");
    if (clock64() - begin > most_clocks) __trap();
  }
#else
  __trap();
#endif
}
/// Orders what this thread did, and knows that others did, before the copies that it starts from now on.
__device__ __forceinline__ void fence_async_proxy() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("fence.proxy.async;" ::: "memory");
#endif
}
/// Starts the copy of `bytes` bytes from global memory to where `to` lies in the shared memory of each block of the
/// cluster whose rank is a bit of `blocks`; there `barrier`'s counterpart counts them. All three are multiples of 16.
__device__ __forceinline__ void copy_bulk(float* to, const float* from, unsigned bytes, uint64_t* barrier,
                                          unsigned blocks) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], "
      "%4;" ::"r"(unsigned(__cvta_generic_to_shared(to))),
      "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(unsigned(__cvta_generic_to_shared(barrier))),
      "h"(uint16_t(blocks))
      : "memory");
#else
  __trap();
#endif
}

#endif

}  // namespace kantor::KANTOR_BACKEND
