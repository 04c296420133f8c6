// Kernels of clusters, with one planted bug each.
#pragma once

#include "kernels/launcher.h"

#include <cstdint>

namespace kantor::sim::bugs {

enum class ClusterBug : uint8_t {
  nothing,
  no_barrier,        // a block reads what its neighbour writes at the same time
  no_first_barrier,  // a block touches a neighbour that may not have begun
  no_last_barrier,   // a block ends while its neighbour may still read its memory
  one_stays_away,    // the last block does not come to the first barrier
  half_stays_away,   // half of the threads of a block end before the second
  two_barriers,      // two halves of the cluster wait at different barriers
  outside,           // an address behind the dynamic shared memory
  no_such_rank,      // a block that the cluster does not have
};

/// Blocks of 64 threads pass numbers to the next block of their cluster, through its shared memory: y [blocks * 64].
void pass_on(ClusterBug bug, const float* x, float* y, int blocks, unsigned cluster, bool cooperative, Stream stream);

/// Sums over all blocks of a cooperative launch in clusters, as a team of clusters makes them: a cluster's sum in its
/// first block, theirs by a counter in device memory. `transitive`: the first block's thread tells what its cluster
/// did; else each thread reads what nobody has told. x, parts [blocks], arrivals [1], y [blocks].
void sum_in_steps(bool transitive, const float* x, float* parts, unsigned* arrivals, float* y, int blocks,
                  unsigned cluster, Stream stream);

/// Launches whose clusters do not divide the grid, or have 9 blocks.
void cluster_does_not_divide(Stream stream);
void cluster_too_large(Stream stream);

/// A __shared__ array in a kernel of clusters: y [2 * 64].
void static_in_cluster(float* y, Stream stream);

}  // namespace kantor::sim::bugs
