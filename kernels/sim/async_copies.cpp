#include "kernels/sim/async_copies.h"

namespace kantor::sim {

void AsyncCopies::begin(size_t threads, Order order, uint64_t seed) {
  if (used_ || queues_.size() < threads) queues_.assign(threads, {});
  used_ = false;
  order_ = order;
  random_ = seed | 1U;
}

bool AsyncCopies::lands_at_once() {
  if (order_ != Order::random) return order_ == Order::reverse;
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  return (random_ >> 32U & 1U) != 0;
}

void AsyncCopies::defer(size_t thread, const AsyncCopy& copy) {
  used_ = true;
  queues_[thread].copies.push_back({copy, queues_[thread].groups});
}

void AsyncCopies::commit(size_t thread) {
  used_ = true;
  ++queues_[thread].groups;
}

bool AsyncCopies::next(size_t thread, int pending, AsyncCopy& copy) {
  Queue& queue = queues_[thread];
  if (queue.copies.empty() || queue.copies.front().group >= queue.groups - pending) return false;
  copy = queue.copies.front().copy;
  queue.copies.pop_front();
  return true;
}

}  // namespace kantor::sim
