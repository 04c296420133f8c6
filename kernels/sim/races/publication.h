// Order between blocks of one launch, as fences and atomics make it: a thread that fences and then changes a word
// atomically publishes what was done before; a thread of another block that afterwards changes the word and then fences
// knows of it, and of what that thread knew. Barriers hand both on to the block's other threads, and those of a cluster
// to all its blocks. So the block that is the last to count itself may read what all wrote.
#pragma once

#include "kernels/sim/races/access.h"

#include <array>
#include <map>
#include <vector>

namespace kantor::sim::races {

inline constexpr uint16_t no_thread = 0xffff;

/// All accesses of a block before an epoch, and of one thread in it, or of none.
struct Published {
  uint64_t block;
  uint32_t epoch;
  uint16_t thread;
  [[nodiscard]] bool holds(const Access& a) const {
    return a.block == block && (a.epoch < epoch || (a.epoch == epoch && a.thread == thread));
  }
};

/// Adds it, unless the others say as much, and drops those that say no more.
void add(std::vector<Published>& all, const Published& what);

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
  /// Adds what all its threads know of others.
  void tell(std::vector<Published>& all) const;
  /// The block, of that number, has met others at a barrier and begins an epoch: now all its threads know this.
  void learn(const std::vector<Published>& all, uint64_t block, uint32_t epoch);
  /// Whether an access of the block comes after one of another block.
  [[nodiscard]] bool ordered(const Access& earlier, const Access& now) const;

 private:
  /// Known to all threads after an epoch, and in it to one.
  struct Known {
    Published what;
    uint32_t epoch;
    uint16_t thread;
    [[nodiscard]] bool helps(const Access& now) const {
      return now.epoch > epoch || (now.epoch == epoch && now.thread == thread);
    }
  };
  static constexpr uint32_t never = ~uint32_t{0};

  std::vector<Known> known_;
  std::array<uint32_t, 1024> fenced_{};                 // the epoch of each thread's last fence, or never
  std::map<uint16_t, std::vector<Published>> noticed_;  // by a thread, in atomics since its last fence
};

}  // namespace kantor::sim::races
