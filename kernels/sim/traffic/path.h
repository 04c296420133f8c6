// Where a thread is in its kernel: the calls that it is in, and the iterations of their loops. The lanes of a warp that
// come to an instruction along the same path execute it together, as on a GPU, where lanes that took different branches
// meet again behind them. Which branches were taken is no part of the path.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kantor::sim::traffic {

/// Joins two hashes.
inline uint64_t mix(uint64_t a, uint64_t b) {
  const uint64_t x = (a ^ b * 0x9E3779B97F4A7C15U) * 0xD6E8FEB86659FD93U;
  return x ^ x >> 32U;
}

class Path {
 public:
  void clear() {
    calls_.clear();
    blocks_.clear();
  }
  /// A function is called, to return to `call`.
  void enter(const void* call) { calls_.push_back({call, blocks_.size()}); }
  void leave() {
    if (calls_.empty()) return;
    blocks_.resize(calls_.back().first_block);
    calls_.pop_back();
  }
  /// A basic block begins. The compiler lays them out in the order of the source: a block that does not lie behind the
  /// last one begins an iteration of a loop, whose body reaches to the last one at least, and begins anew.
  void pass(const void* block) {
    const auto place = reinterpret_cast<uintptr_t>(block);
    const size_t first = calls_.empty() ? 0 : calls_.back().first_block;
    const uintptr_t last = blocks_.size() > first ? blocks_.back().place : 0;
    while (blocks_.size() > first && blocks_.back().place > place) blocks_.pop_back();
    if (blocks_.size() == first || blocks_.back().place < place) {
      blocks_.push_back({place, place, 1});
    } else {
      Block& head = blocks_.back();
      head.end = std::max(head.end, last);
      ++head.times;
    }
  }

  /// A hash of the calls, and one of the iterations too.
  [[nodiscard]] uint64_t calls() const {
    uint64_t hash = 0;
    for (const Call& call : calls_) hash = mix(hash, reinterpret_cast<uintptr_t>(call.from));
    return hash;
  }
  [[nodiscard]] uint64_t iterations() const {
    uint64_t hash = 0;
    size_t at = 0;
    for (size_t c = 0; c < calls_.size(); ++c) {
      hash = mix(hash, reinterpret_cast<uintptr_t>(calls_[c].from));
      const size_t end = c + 1 < calls_.size() ? calls_[c + 1].first_block : blocks_.size();
      for (; at < end; ++at) {
        const Block& block = blocks_[at];
        if (block.times > 1 && block.end >= blocks_[end - 1].place) hash = mix(mix(hash, block.place), block.times);
      }
    }
    return hash;
  }
  /// Where the calls return to, the innermost first.
  [[nodiscard]] std::vector<const void*> returns() const {
    std::vector<const void*> all;
    for (size_t i = calls_.size(); i-- > 0;) all.push_back(calls_[i].from);
    return all;
  }

 private:
  struct Call {
    const void* from;
    size_t first_block;
  };
  struct Block {
    uintptr_t place, end;  // end: of the loop that it begins, as far as that is known; behind it the loop is left
    uint64_t times;
  };
  std::vector<Call> calls_;
  std::vector<Block> blocks_;  // of all calls, one behind the other; within a call in ascending order
};

}  // namespace kantor::sim::traffic
