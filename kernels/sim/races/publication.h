// Order between blocks of one launch, as fences and atomics make it: a thread that fences and then changes a word
// atomically publishes what was done before; a thread of another block that afterwards changes the word and then fences
// knows of it. Barriers hand both on to the block's other threads. So the block that is the last to count itself may
// read what all wrote.
#pragma once

#include "kernels/sim/races/access.h"

#include <array>
#include <map>
#include <vector>

namespace kantor::sim::races {

/// All accesses of a block before an epoch, and of one thread in it.
struct Published {
  uint64_t block;
  uint32_t epoch;
  uint16_t thread;
  [[nodiscard]] bool holds(const Access& a) const {
    return a.block == block && (a.epoch < epoch || (a.epoch == epoch && a.thread == thread));
  }
};

/// What has been published at each word in a launch.
using PublishedWords = std::map<uintptr_t, std::vector<Published>>;

/// What one block knows of the others.
class Knowledge {
 public:
  Knowledge() { fenced_.fill(never); }
  /// __threadfence of one of its threads.
  void fence(uint16_t thread, uint32_t epoch);
  /// An atomic change of a word by one of its threads.
  void atomic(std::vector<Published>& published, const Access& now);
  /// Whether an access of the block comes after one of another block.
  [[nodiscard]] bool ordered(const Access& earlier, const Access& now) const;

 private:
  /// Known to all threads after an epoch, and in it to one.
  struct Known {
    Published what;
    uint32_t epoch;
    uint16_t thread;
  };
  static constexpr uint32_t never = ~uint32_t{0};

  std::vector<Known> known_;
  std::array<uint32_t, 1024> fenced_{};                 // the epoch of each thread's last fence, or never
  std::map<uint16_t, std::vector<Published>> noticed_;  // by a thread, in atomics since its last fence
};

}  // namespace kantor::sim::races
