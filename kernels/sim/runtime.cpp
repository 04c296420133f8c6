// What kernels call, passed to the block that runs.
#include "kernels/sim/runtime.h"

#include "kernels/sim/async_copy.h"
#include "kernels/sim/block.h"
#include "kernels/sim/races.h"
#include "kernels/sim/warpgroup.h"

#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

namespace kantor::sim {

void fail(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  std::string what = text;
  BlockRunner::current().fail(std::move(what));
}

Votes block_barrier(const char* word, bool predicate, Site site) {
  const races::Pause pause;
  return BlockRunner::current().barrier(word, predicate, site);
}
Collective& join_collective(const char* word, uint32_t mask, uint32_t bytes, Site site) {
  const races::Pause pause;
  return BlockRunner::current().join(word, mask, bytes, site);
}
void await_collective(Collective& collective, Site site) {
  const races::Pause pause;
  BlockRunner::current().await(collective, site);
}
void leave_collective(Collective& collective) {
  const races::Pause pause;
  BlockRunner::current().leave(collective);
}
void thread_fence() {
  races::fence();
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void await_count(const unsigned* count, unsigned target, Site site) {
  const races::Pause pause;
  BlockRunner::current().await_count(count, target, site);
}
int rank_in_cluster() {
  return BlockRunner::current().rank_in_cluster();
}
int blocks_of_cluster() {
  return BlockRunner::current().blocks_of_cluster();
}
void await_cluster(Site site) {
  const races::Pause pause;
  BlockRunner::current().await_cluster(site);
}
void* peer_address(const void* own, size_t bytes, int rank, const char* word, Site site) {
  const races::Pause pause;
  return BlockRunner::current().peer_address(own, bytes, rank, word, site);
}
void* dynamic_shared_bytes() {
  return BlockRunner::current().dynamic_shared();
}

bool lands_at_once() {
  const races::Pause pause;
  return BlockRunner::current().copies().at_once();
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

bool product_starts(Site site) {
  const races::Pause pause;
  WarpgroupState& state = BlockRunner::current().products();
  if (!state.fenced[static_cast<size_t>(thread_in_block)]) {
    fail("a product at %s:%d: no fence_sums() stands between it and the last use of its sums", site.file, site.line);
  }
  if (state.hidden_at_barrier >= 0) {
    fail("a product at %s:%d: thread %d stored an operand and reached a barrier without fence_operands()", site.file,
         site.line, state.hidden_at_barrier);
  }
  return state.queues.at_once();
}
void defer_product(const AsyncProduct& product) {
  const races::Pause pause;
  BlockRunner::current().products().queues.defer(static_cast<size_t>(thread_in_block), product);
}
void commit_products() {
  const races::Pause pause;
  BlockRunner::current().products().queues.commit(static_cast<size_t>(thread_in_block));
}
bool next_product(int pending, AsyncProduct& product) {
  const races::Pause pause;
  return BlockRunner::current().products().queues.next(static_cast<size_t>(thread_in_block), pending, product);
}
void sums_fenced(bool fenced) {
  const races::Pause pause;
  BlockRunner::current().products().fenced[static_cast<size_t>(thread_in_block)] = fenced;
}
void operand_stored() {
  const races::Pause pause;
  BlockRunner::current().products().hidden[static_cast<size_t>(thread_in_block)] = true;
}
void fence_operands() {
  const races::Pause pause;
  BlockRunner::current().products().hidden[static_cast<size_t>(thread_in_block)] = false;
}

}  // namespace kantor::sim
