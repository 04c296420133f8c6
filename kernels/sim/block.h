// Runs a block: its threads take turns on fibers of one host thread, and wait in barriers and warp collectives. Blocks
// of a cooperative launch also wait for each other: then one runner stops, and another goes on.
#pragma once

#include "kernels/sim/async_copy.h"
#include "kernels/sim/async_queue.h"
#include "kernels/sim/fiber.h"
#include "kernels/sim/launch.h"
#include "kernels/sim/mbarrier.h"
#include "kernels/sim/simulator.h"
#include "kernels/sim/warpgroup_state.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kantor::sim {

class BlockRunner;

/// The blocks of a cluster, by rank, and where they are with its barrier.
struct Cluster {
  std::vector<BlockRunner*> blocks;
  unsigned arrived = 0, passed = 0;  // blocks that have come to the barrier; barriers that all have passed
  Site site;                         // where they wait
};

/// Runs blocks, one after the other, on the host thread that made it. Several may take turns there.
class BlockRunner {
 public:
  BlockRunner();
  ~BlockRunner();
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  /// Begins block number `index` of the launch, one of that cluster's; none of its threads runs yet.
  void begin(const KernelLaunch& launch, uint64_t index, Cluster& cluster, Order order, uint64_t seed);
  enum class Outcome : uint8_t { begun, finished, waits, failed };
  /// Runs its threads until all have returned, until every one that has not waits for other blocks, or until one fails.
  Outcome advance();
  /// Whether a thread that waits for other blocks could go on.
  [[nodiscard]] bool can_advance() const;
  [[nodiscard]] bool is_finished() const { return outcome_ == Outcome::finished; }
  /// What went wrong. After `waits`: which threads wait where.
  [[nodiscard]] std::string error() const;

  // Called by the running thread.
  Votes barrier(const char* word, bool predicate, Site site);
  Collective& join(const char* word, uint32_t mask, uint32_t bytes, Site site);
  void await(Collective& record, Site site);
  void leave(Collective& record);
  void await_count(const unsigned* count, unsigned target, Site site);
  [[nodiscard]] int rank_in_cluster() const { return static_cast<int>(index_ % cluster_->blocks.size()); }
  [[nodiscard]] int blocks_of_cluster() const { return static_cast<int>(cluster_->blocks.size()); }
  void await_cluster(Site site);
  void* peer_address(const void* own, size_t bytes, int rank, const char* word, Site site);
  void init_mbarrier(uint64_t* own, unsigned arrivals, Site site);
  void fence_mbarrier_init();
  void expect_bytes(const uint64_t* own, unsigned bytes, Site site);
  void await_mbarrier(const uint64_t* own, unsigned parity, Site site, const void* pc);
  void fence_async_proxy() { proxy_fenced_[static_cast<size_t>(current_)] = 1; }
  void copy_bulk(const void* to, const void* from, unsigned bytes, const uint64_t* barrier, unsigned blocks, Site site,
                 const void* pc);
  [[noreturn]] void fail(std::string what);
  [[nodiscard]] void* dynamic_shared() const { return dynamic_shared_.get(); }
  AsyncQueues<AsyncCopy>& copies() { return copies_; }
  WarpgroupState& products() { return products_; }

  static BlockRunner& current();

 private:
  enum class State : uint8_t {
    fresh,
    ready,
    running,
    at_barrier,
    in_collective,
    at_count,
    at_cluster,
    at_mbarrier,
    returned
  };
  struct Thread {
    Fiber* fiber = nullptr;
    State state = State::fresh;
    const char* word = "";  // what it waits in, and where
    Site site;
    const unsigned* count = nullptr;  // that must reach `target`, where it waits for other blocks or its cluster
    unsigned target = 0;
    const Mbarrier* mbarrier = nullptr;  // whose phase it waits for
    [[nodiscard]] bool waits_for_count() const {
      return state == State::at_count || state == State::at_cluster || state == State::at_mbarrier;
    }
  };

  static void entry(boost::context::detail::transfer_t transfer);
  void work();
  void enter();
  std::string finish();
  [[nodiscard]] std::string error_of_waiting() const;
  [[nodiscard]] bool takes_turns() const;
  [[nodiscard]] std::string place_in_grid() const;
  [[nodiscard]] std::string wrong_visit(uintptr_t offset, size_t bytes, int rank) const;
  [[nodiscard]] uintptr_t offset_of(const void* own) const;
  [[nodiscard]] std::string wrong_mbarrier(uintptr_t offset, int rank, bool by_copy) const;
  [[nodiscard]] std::string wrong_copy(const void* to, const void* from, unsigned bytes, const uint64_t* barrier,
                                       unsigned blocks) const;
  [[nodiscard]] std::string wrong_end() const;
  Mbarrier& own_mbarrier(const uint64_t* own, const char* word, Site site);
  void restart_fibers();
  int wake_counts();
  void suspend();
  int next();
  void resume(int thread);
  void set_indices(int thread);
  void thread_returned();
  void complete(Collective& record);
  [[nodiscard]] bool is_complete(const Collective& record, int warp) const;
  [[nodiscard]] std::string states() const;
  Fiber& idle_fiber();

  const KernelLaunch* launch_ = nullptr;
  uint64_t index_ = 0;
  Order order_ = Order::forward;
  Outcome outcome_ = Outcome::begun;
  uint64_t random_ = 1;
  int count_ = 0, current_ = -1, started_ = 0, returned_ = 0, at_barrier_ = 0, at_cluster_ = 0;
  Cluster* cluster_ = nullptr;
  /// The last time that another block touched this one's shared memory.
  struct Visit {
    unsigned passed = 0;  // barriers of the cluster until then; 0: there was none
    const BlockRunner* by = nullptr;
    Site site;
  } visit_;
  std::map<uintptr_t, Mbarrier> mbarriers_;  // by their offset in dynamic shared memory
  std::vector<char> proxy_fenced_;           // a thread has come to fence_async_proxy since its last barrier
  std::vector<Thread> threads_;
  std::vector<int> sequence_, ready_;  // the order in which threads start; threads that can resume
  size_t ready_begin_ = 0;
  Votes votes_, results_[2];
  unsigned generation_ = 0;
  const char* barrier_word_ = "";
  Site barrier_site_;
  std::vector<std::vector<std::unique_ptr<Collective>>> open_;  // per warp
  std::vector<std::unique_ptr<Collective>> free_records_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber host_;
  Fiber* on_ = nullptr;  // the fiber that runs now
  std::string error_;
  AsyncQueues<AsyncCopy> copies_;
  WarpgroupState products_;
  struct Free {
    void operator()(void* memory) const { ::operator delete (memory, std::align_val_t{16}); }
  };
  std::unique_ptr<void, Free> dynamic_shared_;
};

}  // namespace kantor::sim
