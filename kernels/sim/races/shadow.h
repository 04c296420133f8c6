// The memory that the race checker watches, and its shadow: one Word for each 4 bytes.
#pragma once

#include "kernels/sim/races/access.h"

#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace kantor::sim::races {

enum class Memory : uint8_t { global, static_shared, dynamic_shared };

/// One range of watched memory. The system provides its words zero-filled, and only when they are touched.
struct Region {
  uintptr_t begin = 0;
  size_t bytes = 0;
  Memory memory = Memory::global;
  uint64_t block = 0;  // whose dynamic shared memory it is
  struct Free {
    void operator()(Word* words) const { std::free(words); }
  };
  std::unique_ptr<Word, Free> words;
  size_t word_count = 0;
  std::deque<Lanes> lanes;

  /// Throws KernelError if there is no memory for the words; in device_malloc this ends the program.
  void reserve(size_t size);
  [[nodiscard]] Word& word(uintptr_t address) const { return words.get()[(address - begin) / 4]; }
  /// The word's table of lanes, which is made if it has none yet.
  Lanes& lanes_of(Word& word);
};

class Shadow {
 public:
  /// Watches a range of global memory until it is removed.
  void add(uintptr_t begin, size_t bytes);
  void remove(uintptr_t begin);
  /// Sets where static shared memory is. Its words keep the accesses of earlier blocks, which no longer count.
  void move_static(uintptr_t begin, size_t bytes);
  /// Sets the dynamic shared memory that the block that runs can reach: its own, and that of its cluster.
  void set_dynamic(std::vector<Region*> regions);
  /// The region that the address is in, or null: host memory, a stack.
  Region* find(uintptr_t address);

 private:
  struct Stretch {
    uintptr_t begin = 0, end = 0;
    Region* region = nullptr;
  };
  static constexpr size_t recent_count = 8;

  std::map<uintptr_t, Region> regions_;
  Region static_;
  std::vector<Region*> dynamic_;
  Stretch recent_[recent_count];  // the last answers, including that there is no region
  size_t next_ = 0;
};

}  // namespace kantor::sim::races
