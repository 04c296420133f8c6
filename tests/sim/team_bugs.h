// Kernels whose blocks wait for each other, with one planted bug each.
#pragma once

#include "kernels/launcher.h"

#include <cstdint>

namespace kantor::sim::bugs {

enum class TeamBug : uint8_t {
  nothing,
  no_barrier,       // blocks read what others write before a barrier
  one_stays_away,   // the last block does not come to the second barrier
  not_cooperative,  // the launch does not ask that its blocks run together
  static_shared,    // a __shared__ array, of which the simulator has one for all blocks
};

/// Blocks pass numbers round: y [blocks * 64] twice read from the neighbour; arrivals and failed are one count each.
/// The team is made of clusters of that many blocks.
void team(TeamBug bug, float* y, float* z, unsigned* arrivals, unsigned* failed, int blocks, unsigned cluster,
          Stream stream);

}  // namespace kantor::sim::bugs
