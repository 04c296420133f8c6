// A kernel of bulk copies to all blocks of a cluster, with one planted bug each.
#pragma once

#include "kernels/launcher.h"

#include <cstdint>

namespace kantor::sim::bugs {

enum class MulticastBug : uint8_t {
  nothing,
  no_wait,            // nobody waits for the last phase
  same_parity,        // the last wait names the first phase
  no_meeting,         // a block copies into others that still read
  late_read,          // a block reads what the next copies overwrite
  early_read,         // a block reads before it waits
  one_waits,          // one thread waits, and the others read without a barrier
  source_changes,     // the source is overwritten while it is copied
  too_few_bytes,      // announced: a part of a copy is missing
  a_copy_too_few,     // announced: a whole copy is missing
  too_many_bytes,     // announced
  misaligned_target,  // of a copy
  misaligned_bytes,   // of a copy
  misaligned_barrier,
  no_barrier_there,  // the mbarrier is made at another place
  no_init_fence,     // behind mbarrier_init
  no_first_barrier,  // of the cluster, behind mbarrier_init
  no_proxy_fence,    // before copies
  fence_too_early,   // before the barrier that comes before copies
  overwritten,       // the mbarrier's memory
  one_ends,          // a block, while others copy into it
  no_such_block,     // in the cluster
  outside,           // of dynamic shared memory
};

inline constexpr int multicast_rows = 8;  // of 64 floats, in a load

/// Blocks of 64 threads, in clusters, load x [8, 64] and then z [8, 64] to the same place, together, and sum their
/// columns: y [blocks, 64] = 2 x the first sums + the second ones.
void multicast(MulticastBug bug, float* x, const float* z, float* y, int blocks, unsigned cluster, Stream stream);

}  // namespace kantor::sim::bugs
