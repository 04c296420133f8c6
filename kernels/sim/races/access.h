// What the race checker remembers of one word of memory: the last plain write, and the reads or atomics since then.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kantor::sim::races {

enum class Kind : uint8_t { read, write, atomic };

/// One access to one 4-byte word. All zero means no access, because launches count from 1.
struct Access {
  const void* pc;  // where the call to the checker returns to
  uint64_t block;
  uint32_t launch;
  uint32_t epoch;  // barriers that the block had passed
  uint32_t clock;  // __syncwarps that the lane had passed
  uint16_t thread;
  uint8_t bytes;  // which bytes of the word, as bits
  Kind kind;

  [[nodiscard]] int warp() const { return thread / 32; }
  [[nodiscard]] int lane() const { return thread % 32; }
  [[nodiscard]] bool same_warp(const Access& a) const { return block == a.block && warp() == a.warp(); }
  /// Whether the same thread did both, with no barrier or __syncwarp in between.
  [[nodiscard]] bool same_moment(const Access& a) const {
    return launch == a.launch && block == a.block && thread == a.thread && epoch == a.epoch && clock == a.clock;
  }
};

/// The last access of each lane of one warp, between two barriers.
struct Lanes {
  uint32_t present;
  Access of[32];
};

/// A word. Two unordered plain writes are a race at once, so that the last one represents all. Reads and atomics
/// may come from many unordered threads; for these it is enough to keep
///   recent  the last one, with those of the other lanes of its warp if there are any (`lanes`), and
///   other   one of another warp or block:
/// since blocks run one after the other, and only barriers order the warps of a block, an access that is ordered after
/// both of them is ordered after all of them. Where fences order blocks this is not so for accesses of a third block,
/// whose race may then be missed.
struct Word {
  Access write, recent, other;
  uint32_t lanes;  // 1 + index of the Lanes; 0: the word has none
};

}  // namespace kantor::sim::races
