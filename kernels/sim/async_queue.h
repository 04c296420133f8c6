// What a block's threads have started and not awaited: asynchronous copies, or products of warpgroups. See
// kernels/sim/async_copy.h and warpgroup.h, which kernels use.
#pragma once

#include "kernels/sim/simulator.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace kantor::sim {

/// A queue a thread; `Work` is one copy or product.
template <class Work>
class AsyncQueues {
 public:
  /// A block of that many threads begins.
  void begin(size_t threads, Order order, uint64_t seed) {
    if (used_ || queues_.size() < threads) queues_.assign(threads, {});
    used_ = false;
    order_ = order;
    random_ = seed | 1U;
  }
  /// Whether work that starts now is done at once: in reverse order, in random order by chance.
  [[nodiscard]] bool at_once() {
    if (order_ != Order::random) return order_ == Order::reverse;
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return (random_ >> 32U & 1U) != 0;
  }
  void defer(size_t thread, const Work& work) {
    used_ = true;
    queues_[thread].works.push_back({work, queues_[thread].groups});
  }
  void commit(size_t thread) {
    used_ = true;
    ++queues_[thread].groups;
  }
  /// Takes the thread's oldest work whose group is not among the `pending` last ones; -1: also of the open group.
  bool next(size_t thread, int pending, Work& work) {
    Queue& queue = queues_[thread];
    if (queue.works.empty() || queue.works.front().group >= queue.groups - pending) return false;
    work = queue.works.front().work;
    queue.works.pop_front();
    return true;
  }
  /// Of the thread, not done.
  [[nodiscard]] size_t left(size_t thread) const { return used_ ? queues_[thread].works.size() : 0; }

 private:
  struct Pending {
    Work work;
    int group;
  };
  struct Queue {
    std::deque<Pending> works;
    int groups = 0;  // that are closed
  };
  std::vector<Queue> queues_;
  bool used_ = false;
  Order order_ = Order::forward;
  uint64_t random_ = 1;
};

}  // namespace kantor::sim
