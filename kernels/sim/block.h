// Runs a block: its threads take turns on fibers of one host thread, and wait in barriers and warp collectives.
#pragma once

#include "kernels/sim/async_copy.h"
#include "kernels/sim/async_queue.h"
#include "kernels/sim/fiber.h"
#include "kernels/sim/launch.h"
#include "kernels/sim/simulator.h"
#include "kernels/sim/warpgroup_state.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace kantor::sim {

/// Runs blocks, one after the other, on the host thread that made it.
class BlockRunner {
 public:
  BlockRunner();
  ~BlockRunner();
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  /// Runs block number `index` of the launch to its end. Returns what went wrong, or "".
  std::string run(const KernelLaunch& launch, uint64_t index, Order order, uint64_t seed);

  // Called by the running thread.
  Votes barrier(const char* word, bool predicate, Site site);
  Collective& join(const char* word, uint32_t mask, uint32_t bytes, Site site);
  void await(Collective& record, Site site);
  void leave(Collective& record);
  [[noreturn]] void fail(std::string what);
  [[nodiscard]] void* dynamic_shared() const { return dynamic_shared_.get(); }
  AsyncQueues<AsyncCopy>& copies() { return copies_; }
  WarpgroupState& products() { return products_; }

  static BlockRunner& current();

 private:
  enum class State : uint8_t { fresh, ready, running, at_barrier, in_collective, returned };
  struct Thread {
    Fiber* fiber = nullptr;
    State state = State::fresh;
    const char* word = "";  // what it waits in, and where
    Site site;
  };

  static void entry(boost::context::detail::transfer_t transfer);
  void work();
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
  Order order_ = Order::forward;
  uint64_t random_ = 1;
  int count_ = 0, current_ = -1, started_ = 0, returned_ = 0, at_barrier_ = 0;
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
