#include "kernels/sim/async_copies.h"

#include "kernels/sim/block.h"
#include "kernels/sim/races.h"

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

bool lands_at_once() {
  const races::Pause pause;
  return BlockRunner::current().copies().lands_at_once();
}
void defer_copy(const AsyncCopy& copy) {
  const races::Pause pause;
  BlockRunner::current().copies().defer(static_cast<size_t>(thread_in_block), copy);
}
void commit_copies() {
  const races::Pause pause;
  BlockRunner::current().copies().commit(static_cast<size_t>(thread_in_block));
}
bool next_landing(int pending, AsyncCopy& copy) {
  const races::Pause pause;
  return BlockRunner::current().copies().next(static_cast<size_t>(thread_in_block), pending, copy);
}

}  // namespace kantor::sim
