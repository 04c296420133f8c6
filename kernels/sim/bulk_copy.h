// Bulk copies into the shared memory of a cluster's blocks, and the mbarriers that count their bytes, as
// kernels/ptx_cluster.h names them. On a GPU a copy lands in each block at some time between its start and the end of
// the mbarrier's phase there. Here it lands at the latest time where threads run forwards, when a thread waits for the
// phase; at its start where they run in reverse; and at one or the other by chance in random order. Errors, in every
// order:
//   places and sizes that are no multiples of 16 bytes (an mbarrier: of 8), or outside of dynamic shared memory;
//   blocks that the cluster does not have, that may not have begun, or that have ended;
//   an mbarrier that nobody made there, that was made without fence_mbarrier_init() and a cluster barrier behind it, or
//   whose memory something else was written to;
//   a copy without fence_async_proxy() between the thread's last barrier and it;
//   more bytes than were announced, or fewer: then the phase does not end, and the wait is an error with its line;
//   a phase that begins before the one before was awaited, and a block that ends before that.
// For the race checker the thread that starts a copy writes to all blocks when it starts it, and reads the source; what
// has landed was written by the first thread that waits for it. So a block's other threads read it behind a barrier,
// although on a GPU each may wait for itself.
#pragma once

#include "kernels/sim/runtime.h"

#include <cstdint>

namespace kantor::sim {

inline constexpr bool has_multicast = true;

void mbarrier_init(uint64_t* barrier, unsigned arrivals, Site site = Site::here());
void fence_mbarrier_init();
void mbarrier_expect(uint64_t* barrier, unsigned bytes, Site site = Site::here());
void mbarrier_wait(uint64_t* barrier, unsigned parity, Site site = Site::here());
void fence_async_proxy();
void copy_bulk(float* to, const float* from, unsigned bytes, uint64_t* barrier, unsigned blocks,
               Site site = Site::here());

}  // namespace kantor::sim
