// The copies of a block's threads that have not landed. See kernels/sim/async_copy.h, which kernels use.
#pragma once

#include "kernels/sim/async_copy.h"
#include "kernels/sim/simulator.h"

#include <cstddef>
#include <deque>
#include <vector>

namespace kantor::sim {

class AsyncCopies {
 public:
  /// A block of that many threads begins.
  void begin(size_t threads, Order order, uint64_t seed);
  [[nodiscard]] bool lands_at_once();
  void defer(size_t thread, const AsyncCopy& copy);
  void commit(size_t thread);
  bool next(size_t thread, int pending, AsyncCopy& copy);
  /// Copies of the thread that have not landed.
  [[nodiscard]] size_t left(size_t thread) const { return used_ ? queues_[thread].copies.size() : 0; }

 private:
  struct Pending {
    AsyncCopy copy;
    int group;
  };
  struct Queue {
    std::deque<Pending> copies;
    int groups = 0;  // that are closed
  };
  std::vector<Queue> queues_;
  bool used_ = false;
  Order order_ = Order::forward;
  uint64_t random_ = 1;
};

}  // namespace kantor::sim
