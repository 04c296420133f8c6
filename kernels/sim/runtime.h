// The scheduler's functions behind barriers and collectives. Included by the headers that kernels see.
#pragma once

#include "kernels/sim/words.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace kantor::sim {

/// A line of a source file. As a last parameter, `Site site = Site::here()` is the caller's line.
struct Site {
  const char* file = "";
  int line = 0;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
  friend bool operator==(const Site& a, const Site& b) {
    return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
  }
};

/// The running thread's place in its block: x + blockDim.x * (y + blockDim.y * z). Set with threadIdx.
inline constinit thread_local int thread_in_block = 0;
inline int lane() {
  return thread_in_block & 31;
}

/// Abandons the launch: launch() throws a KernelError that names kernel, block and thread before this text. The frames
/// of the thread are abandoned: nothing on them may need a destructor.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// What a barrier returns to every thread of its block.
struct Votes {
  int yes = 0;  // threads whose predicate was true
  int all = 0;  // threads of the block
};
/// Waits until every thread of the block has reached this site. `word` is a static string.
Votes block_barrier(const char* word, bool predicate, Site site);

/// One warp collective in flight, with the value of each lane. It is complete when every lane of its mask that has not
/// returned has arrived.
struct Collective {
  static constexpr size_t max_bytes = 64;
  const char* word;
  uint32_t mask, arrived, bytes, readers;
  bool complete;
  alignas(16) std::byte values[32][max_bytes];

  [[nodiscard]] bool has(int lane) const { return (arrived >> lane & 1) != 0; }
  /// The value of a lane. Fails if that lane does not take part.
  template <class T>
  [[nodiscard]] T of(int source, Site site) const {
    if (source < 0 || source > 31 || !has(source)) {
      fail("%s at %s:%d reads lane %d, which takes no part (mask 0x%08x, arrived 0x%08x)", word, site.file, site.line,
           source, mask, arrived);
    }
    T value;
    std::memcpy(&value, values[source], sizeof value);
    return value;
  }
};

/// Joins the warp's open collective with this word, mask and size that this lane has not joined yet, or a new one.
/// Fails if the mask omits the lane.
Collective& join_collective(const char* word, uint32_t mask, uint32_t bytes, Site site);
void await_collective(Collective& collective, Site site);
void leave_collective(Collective& collective);

/// Gives `value` to the lanes of `mask`, waits for theirs, and returns pick(collective, own lane). Shuffles, votes and
/// the emulations of tensor-core instructions use it.
template <class T, class Pick>
auto collective(const char* word, uint32_t mask, const T& value, Site site, const Pick& pick) {
  static_assert(sizeof(T) <= Collective::max_bytes && std::is_trivially_copyable_v<T>);
  Collective& record = join_collective(word, mask, sizeof value, site);
  std::memcpy(record.values[lane()], &value, sizeof value);
  await_collective(record, site);
  const auto result = pick(static_cast<const Collective&>(record), lane());
  leave_collective(record);
  return result;
}

/// __threadfence: threads that learn of it afterwards, by an atomic, see what this thread wrote before.
void thread_fence();

/// Waits until other blocks of a cooperative launch have made *count at least `target`.
void await_count(const unsigned* count, unsigned target, Site site = Site::here());

/// Of the running block's cluster: the block's rank in it, and its blocks.
int rank_in_cluster();
int blocks_of_cluster();
/// Waits until every thread of the cluster has reached this site.
void await_cluster(Site site);
/// What `own`, `bytes` bytes of this block's dynamic shared memory, is in the block of that rank.
void* peer_address(const void* own, size_t bytes, int rank, const char* word, Site site);

/// The launch's dynamic shared memory: a heap block of its exact size.
void* dynamic_shared_bytes();

}  // namespace kantor::sim
