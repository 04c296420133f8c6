#include "kernels/sim/block.h"

#include "kernels/sim/places.h"
#include "kernels/sim/races.h"
#include "kernels/sim/traffic.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

// Static shared memory of the checked builds; absent where no kernel has any.
extern "C" __attribute__((weak)) unsigned char __start_kantor_sim_shared[], __stop_kantor_sim_shared[];

namespace kantor::sim {
namespace {

thread_local BlockRunner* running = nullptr;

/// Fills static shared memory with NaN, byte by byte, unseen by AddressSanitizer, whose zones lie between arrays.
__attribute__((no_sanitize("address", "undefined"))) void fill_static_shared() {
  for (volatile unsigned char* at = __start_kantor_sim_shared; at != __stop_kantor_sim_shared; ++at) *at = 0xff;
}

/// Blocks that take turns have one image of static shared memory between them, so their kernel may not use it. Only
/// AddressSanitizer's build knows where it is, and not that of templates.
__attribute__((no_sanitize("address", "undefined"))) bool static_shared_is_untouched() {
  for (volatile unsigned char* at = __start_kantor_sim_shared; at != __stop_kantor_sim_shared; ++at) {
    if (*at != 0xff) return false;
  }
  return true;
}
void check_static_shared() {
  if (static_shared_is_untouched()) return;
  throw KernelError(
      "simulator: a cooperative kernel, or one of clusters, uses a __shared__ array; take dynamic_shared(), of which "
      "each block has its own");
}

/// xorshift64* is enough here: results do not depend on the order of threads.
uint64_t draw(uint64_t& state) {
  state ^= state << 13U;
  state ^= state >> 7U;
  state ^= state << 17U;
  return state * 0x2545F4914F6CDD1DU >> 17U;
}

}  // namespace

BlockRunner::BlockRunner() = default;
BlockRunner::~BlockRunner() = default;

BlockRunner& BlockRunner::current() {
  if (running == nullptr) throw KernelError("a kernel's word was called outside of a launch");
  return *running;
}

void BlockRunner::begin(const KernelLaunch& launch, uint64_t index, Cluster& cluster, Order order, uint64_t seed) {
  if (outcome_ == Outcome::waits) restart_fibers();  // its launch failed in another block
  outcome_ = Outcome::begun;
  launch_ = &launch;
  index_ = index;
  cluster_ = &cluster;
  visit_ = {};
  mbarriers_.clear();
  order_ = order;
  random_ = (seed + 1) * 0x9E3779B97F4A7C15U ^ (index + 1);
  const dim3 block = launch.shape.block;
  count_ = static_cast<int>(block.x * block.y * block.z);

  threads_.assign(static_cast<size_t>(count_), {});
  proxy_fenced_.assign(static_cast<size_t>(count_), 0);
  sequence_.resize(static_cast<size_t>(count_));
  for (int i = 0; i < count_; ++i) sequence_[static_cast<size_t>(i)] = order == Order::reverse ? count_ - 1 - i : i;
  if (order == Order::random) {
    for (size_t i = sequence_.size(); i > 1; --i) std::swap(sequence_[i - 1], sequence_[draw(random_) % i]);
  }
  ready_.clear();
  ready_begin_ = 0;
  started_ = returned_ = at_barrier_ = at_cluster_ = 0;
  votes_ = {};
  open_.resize(static_cast<size_t>((count_ + 31) / 32));
  for (auto& records : open_) records.clear();
  error_.clear();
  copies_.begin(static_cast<size_t>(count_), order, random_);
  products_.begin(static_cast<size_t>(count_), order, random_);

  const size_t bytes = launch.shape.shared_bytes;
  dynamic_shared_.reset(bytes > 0 ? ::operator new (bytes, std::align_val_t{16}) : nullptr);
  if (bytes > 0) std::memset(dynamic_shared_.get(), 0xff, bytes);
  fill_static_shared();
  enter();
  races::block_begins(index, dynamic_shared_.get(), bytes);
}

/// Sets what kernels read of their block.
void BlockRunner::enter() {
  blockIdx = place_in(index_, launch_->shape.grid);
  blockDim = launch_->shape.block;
  gridDim = launch_->shape.grid;
}

BlockRunner::Outcome BlockRunner::advance() {
  enter();
  races::block_resumes(index_);
  traffic::block_begins(count_);  // or goes on: where blocks take turns, no warp is in the middle of an access
  wake_counts();
  outcome_ = Outcome::failed;  // unless work() says otherwise
  on_ = &idle_fiber();
  running = this;
  on_->jump_from(host_);  // returns when no thread can go on, or one has failed
  running = nullptr;
  traffic::block_ends();
  if (outcome_ == Outcome::waits) check_static_shared();
  if (outcome_ == Outcome::failed) restart_fibers();
  return outcome_;
}

/// After fibers were abandoned in the middle.
void BlockRunner::restart_fibers() {
  idle_.clear();
  for (const auto& fiber : fibers_) {
    fiber->restart();
    idle_.push_back(fiber.get());
  }
}

/// Whether blocks of its launch run at the same time.
bool BlockRunner::takes_turns() const {
  return launch_->shape.cooperative || launch_->shape.cluster > 1;
}

std::string BlockRunner::error() const {
  return outcome_ == Outcome::waits ? error_of_waiting() : error_;
}

/// Where no thread can go on, and some wait for what other blocks do.
std::string BlockRunner::error_of_waiting() const {
  if (at_cluster_ > 0 && returned_ > 0) {
    return "barrier divergence: not every thread of the block reaches the barrier\n" + states();
  }
  for (const BlockRunner* block : cluster_->blocks) {
    const auto for_phase = [](const Thread& thread) { return thread.state == State::at_mbarrier; };
    if (std::any_of(block->threads_.begin(), block->threads_.end(), for_phase)) {
      return "the phase of an mbarrier of block " + block->place_in_grid() + " does not end\n" + block->states();
    }
  }
  const auto waits_for_count = [](const BlockRunner* block) {
    return std::any_of(block->threads_.begin(), block->threads_.end(),
                       [](const Thread& thread) { return thread.state == State::at_count; });
  };
  const bool for_count = std::any_of(cluster_->blocks.begin(), cluster_->blocks.end(), waits_for_count);
  if (for_count && !launch_->shape.cooperative) {
    return "waits for other blocks, which need not run at the same time: make the launch cooperative\n" + states();
  }
  return "a barrier that not every block reaches\n" + states();
}

Fiber& BlockRunner::idle_fiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&BlockRunner::entry));
    return *fibers_.back();
  }
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return *fiber;
}

void BlockRunner::entry(boost::context::detail::transfer_t transfer) {
  Fiber::arrived(transfer);
  for (;;) {
    std::string what;
    try {
      running->work();
      continue;
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {
      what = "of a type that is no std::exception";
    }
    what.insert(0, "an exception leaves the kernel: ");  // a fiber has no frame above this one to catch it
    running->fail(std::move(what));
  }
}

/// Runs on an idle fiber: starts threads, switches to the fibers of threads that resume, and at the end to the host.
void BlockRunner::work() {
  Fiber& self = *on_;
  int thread = next();
  if (thread < 0) {
    const int waiting = wake_counts();
    thread = next();
    if (thread < 0) {
      if (waiting > 0) {
        const bool hopeless = at_cluster_ > 0 && returned_ > 0;  // whatever other blocks do
        if (takes_turns() && !hopeless) {
          outcome_ = Outcome::waits;
        } else {
          error_ = error_of_waiting();
        }
      } else {
        error_ = returned_ < count_ ? "barrier divergence: not every thread comes to where others wait\n" + states()
                                    : finish();
        outcome_ = error_.empty() ? Outcome::finished : Outcome::failed;
      }
      idle_.push_back(&self);
      on_ = &host_;
      return host_.jump_from(self);
    }
  }
  if (threads_[static_cast<size_t>(thread)].state == State::fresh) {
    threads_[static_cast<size_t>(thread)].fiber = &self;
    set_indices(thread);
    races::set_watching(true);
    launch_->call(launch_->arguments);
    races::set_watching(false);
    if (copies_.left(static_cast<size_t>(thread)) > 0)
      fail("the thread returns before its asynchronous copies have landed");
    if (products_.queues.left(static_cast<size_t>(thread)) > 0)
      fail("the thread returns before the products of its warpgroup are made");
    thread_returned();
    return;
  }
  idle_.push_back(&self);
  resume(thread);  // returns here when this fiber is taken from the idle ones
}

/// The next thread to run: one that can resume before one that starts, or any of them in random order; -1 if none.
int BlockRunner::next() {
  const size_t waiting = ready_.size() - ready_begin_, fresh = static_cast<size_t>(count_ - started_);
  if (waiting + fresh == 0) return -1;
  if (order_ == Order::random) {
    const size_t pick = draw(random_) % (waiting + fresh);
    if (pick >= waiting) return sequence_[static_cast<size_t>(started_++)];
    std::swap(ready_[ready_begin_], ready_[ready_begin_ + pick]);
  } else if (waiting == 0) {
    return sequence_[static_cast<size_t>(started_++)];
  }
  const int thread = ready_[ready_begin_++];
  if (ready_begin_ == ready_.size()) {
    ready_.clear();
    ready_begin_ = 0;
  }
  return thread;
}

void BlockRunner::set_indices(int thread) {
  current_ = thread;
  thread_in_block = thread;
  threadIdx = place_in(static_cast<uint64_t>(thread), launch_->shape.block);
  threads_[static_cast<size_t>(thread)].state = State::running;
}

/// Switches to the fiber of a thread that had waited.
void BlockRunner::resume(int thread) {
  Fiber& from = *on_;
  on_ = threads_[static_cast<size_t>(thread)].fiber;
  set_indices(thread);
  if (on_ != &from) on_->jump_from(from);
}

/// Suspends the current thread until it is ready again and its turn comes.
void BlockRunner::suspend() {
  const int self = current_;
  const int thread = next();
  if (thread >= 0 && threads_[static_cast<size_t>(thread)].state != State::fresh) return resume(thread);
  Fiber& from = *threads_[static_cast<size_t>(self)].fiber;
  if (thread >= 0) {  // a thread starts on an idle fiber, which calls next() again
    --started_;
  }
  on_ = &idle_fiber();
  on_->jump_from(from);
}

void BlockRunner::thread_returned() {
  threads_[static_cast<size_t>(current_)].state = State::returned;
  ++returned_;
  const int warp = current_ / 32;
  for (const auto& record : open_[static_cast<size_t>(warp)]) {
    if (!record->complete && is_complete(*record, warp)) complete(*record);
  }
}

/// The frames below are abandoned, so heap memory that they own would leak: `what` is moved out of them.
void BlockRunner::fail(std::string what) {
  races::set_watching(false);
  error_ = "thread " + text_of(threadIdx) + ": ";
  error_ += what;
  std::string().swap(what);  // an assignment would keep the memory
  Fiber& from = *on_;
  on_ = &host_;
  host_.jump_from(from);
  std::abort();  // an abandoned fiber is never resumed
}

}  // namespace kantor::sim
