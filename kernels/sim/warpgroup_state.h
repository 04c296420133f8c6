// The products of a block's warpgroups that are not made, and the fences that they need. See kernels/sim/warpgroup.h,
// which kernels use.
#pragma once

#include "kernels/sim/async_queue.h"
#include "kernels/sim/warpgroup.h"

#include <algorithm>
#include <vector>

namespace kantor::sim {

struct WarpgroupState {
  AsyncQueues<AsyncProduct> queues;
  std::vector<char> fenced;    // a thread's sums
  std::vector<char> hidden;    // a thread has stored operands that tensor cores do not see yet
  int hidden_at_barrier = -1;  // a thread that came so to a barrier

  /// A block of that many threads begins.
  void begin(size_t threads, Order order, uint64_t seed) {
    queues.begin(threads, order, seed);
    fenced.assign(threads, 0);
    hidden.assign(threads, 0);
    hidden_at_barrier = -1;
  }
  /// Every thread has reached a barrier.
  void barrier() {
    const auto found = std::find(hidden.begin(), hidden.end(), 1);
    if (hidden_at_barrier < 0 && found != hidden.end()) hidden_at_barrier = static_cast<int>(found - hidden.begin());
  }
};

}  // namespace kantor::sim
