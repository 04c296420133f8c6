// Versions of the ladder's families with one planted bug each: what the ladder's tests must find.
#pragma once

#include "kernels/ladder/ladder.h"

#include <vector>

namespace kantor::sim::bugs {

enum class LadderBug : uint8_t {
  none,             // the same kernel without one, which passes
  missing_barrier,  // the threads of a block add what others may not have written yet
  short_tail,       // the last element of an output is left out
  long_tail,        // one element too many is written
  unwritten_read,   // a sum begins with what memory holds
  nan,              // the root of a negative number, in one element
  split_order,      // the parts of a sum are added in the order in which threads come
};

struct PlantedRung {
  LadderBug bug;
  ladder::Rung rung;
};

/// Of every family, one version for each bug.
const std::vector<PlantedRung>& planted_rungs();

}  // namespace kantor::sim::bugs
