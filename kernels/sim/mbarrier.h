// An mbarrier of a block, and the copies of its phase that have been started. See kernels/sim/bulk_copy.h, which
// kernels use.
#pragma once

#include "kernels/sim/runtime.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kantor::sim {

/// A copy that no thread has awaited.
struct BulkCopy {
  std::byte* to;
  const void* from;
  size_t bytes;
  bool landed;
  Site site;        // where it was started
  uint64_t source;  // the block that started it
};

struct Mbarrier {
  static constexpr uint64_t mark = 0x7265697272616262;  // what its 8 bytes hold

  Site site;                          // of its mbarrier_init
  int maker = 0;                      // the thread
  bool fenced = false;                // the maker has come to fence_mbarrier_init since
  unsigned met = 0;                   // barriers of the cluster before it was made
  unsigned arrivals = 1;              // that end a phase
  unsigned missing = 1;               // of these
  int64_t bytes = 0;                  // announced, without those of copies that were started
  unsigned started = 0;               // phases whose arrivals and copies have all been started
  unsigned ended = 0;                 // phases that a thread has awaited
  std::vector<BulkCopy> copies = {};  // of the phase that has not been awaited

  /// After an arrival or a copy.
  void settle() {
    if (missing > 0 || bytes != 0) return;
    ++started;
    missing = arrivals;
  }
};

}  // namespace kantor::sim
