#include "kernels/host/threads.h"

#include "kernels/host/processors.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace kantor::host {
namespace {

constexpr size_t line = 64;  // bytes of a cache line

/// How long a thread spins before it sleeps. Longer than the serial work between most passes, so that an idle machine's
/// threads stay awake; far shorter than a scheduler's slice, so that a busy machine's processors are given to others.
constexpr std::chrono::microseconds spin_time{100};

thread_local bool within_piece = false;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Spins until `condition` is true, at most for spin_time. Returns whether it is true.
template <class Condition>
bool spin_until(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int i = 0; i < 16; ++i) {
      if (condition()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return condition();
}

/// A flag that one thread waits for: it spins, then sleeps. Raising it costs a system call only if the thread sleeps.
class alignas(line) Signal {
 public:
  /// Must be called after the change that makes the waiter's condition true.
  void notify() {
    if (!asleep_) return;
    const std::lock_guard lock(mutex_);  // the waiter is in wait() now, or has not checked yet
    wake_.notify_one();
  }
  template <class Condition>
  void wait(const Condition& condition) {
    if (spin_until(condition)) return;
    std::unique_lock lock(mutex_);
    asleep_ = true;
    wake_.wait(lock, condition);
    asleep_ = false;
  }

 private:
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

/// Runs one job at a time. Threads, also the caller, take its pieces one by one. So a job waits only for pieces that a
/// thread has begun, never for a thread that has not woken up.
class Pool {
 public:
  void run(int64_t pieces, int team, void (*call)(const void*, int64_t), const void* work) {
    hire(team - 1);
    const int helpers = std::min(team - 1, static_cast<int>(workers_.size()));
    call_ = call;
    work_ = work;
    pieces_ = pieces;
    lowest_failed_ = std::numeric_limits<int64_t>::max();
    unfinished_ = pieces;
    left_ = pieces;  // from here on threads take pieces, even one that is late from the previous job
    for (int i = 0; i < helpers; ++i) {
      Worker& worker = *workers_[static_cast<size_t>(i)];
      ++worker.calls;
      worker.called.notify();
    }
    take_pieces();
    finished_.wait([this] { return unfinished_ == 0; });
    if (lowest_failed_ != std::numeric_limits<int64_t>::max()) {
      std::rethrow_exception(std::exchange(failure_, nullptr));
    }
  }

  std::mutex owner;  // held by the thread that runs a job

 private:
  struct Worker {
    alignas(line) std::atomic<uint64_t> calls{0};
    Signal called;
  };

  /// Starts threads until there are `count`, or as many as the system allows.
  void hire(int count) {
    while (static_cast<int>(workers_.size()) < count) {
      workers_.push_back(std::make_unique<Worker>());
      try {
        std::thread([this, &worker = *workers_.back()] { help(worker); }).detach();
      } catch (const std::system_error&) {  // no more threads: the existing ones do the work
        workers_.pop_back();
        return;
      }
    }
  }

  [[noreturn]] void help(Worker& worker) {
    within_piece = true;
    for (uint64_t seen = 0;;) {
      worker.called.wait([&] { return worker.calls != seen; });
      seen = worker.calls;
      take_pieces();
    }
  }

  void take_pieces() {
    int64_t taken = 0;
    for (int64_t left = 0; (left = left_.fetch_sub(1)) > 0; ++taken) run_piece(pieces_ - left);
    if (taken > 0 && unfinished_.fetch_sub(taken) == taken) finished_.notify();
  }

  /// Pieces are taken in order, so all pieces below a failed one have begun; the lowest failure is the one reported.
  void run_piece(int64_t piece) {
    if (piece > lowest_failed_) return;
    try {
      call_(work_, piece);
    } catch (...) {
      const std::lock_guard lock(failing_);
      if (piece > lowest_failed_) return;
      lowest_failed_ = piece;
      failure_ = std::current_exception();
    }
  }

  void (*call_)(const void*, int64_t) = nullptr;
  const void* work_ = nullptr;
  int64_t pieces_ = 0;
  alignas(line) std::atomic<int64_t> left_{0};
  alignas(line) std::atomic<int64_t> unfinished_{0};
  alignas(line) std::atomic<int64_t> lowest_failed_{0};
  std::mutex failing_;
  std::exception_ptr failure_;
  Signal finished_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

/// Never destroyed, as its threads never end.
Pool& pool() {
  static auto* const instance = new Pool;
  return *instance;
}

/// The first number of OMP_NUM_THREADS; 0 if it is not set, or is not a number above 0.
int wanted_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const long count = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
  return static_cast<int>(std::clamp(count, 0L, 65536L));
}

std::atomic<int> chosen_threads{0};

}  // namespace

int threads() {
  if (chosen_threads == 0) {
    const int processors = available_processors(), wanted = wanted_threads();
    int unset = 0;
    chosen_threads.compare_exchange_strong(unset, wanted > 0 ? std::min(wanted, processors) : processors);
  }
  return chosen_threads;
}

void set_threads(int count) {
  chosen_threads = count;
}

void for_each_piece(int64_t pieces, void (*call)(const void*, int64_t), const void* work) {
  const int team = static_cast<int>(std::min<int64_t>(threads(), pieces));
  if (team > 1 && !within_piece) {
    const std::unique_lock job(pool().owner, std::try_to_lock);
    if (job) {
      within_piece = true;
      struct Outside {
        ~Outside() { within_piece = false; }
      } const outside;
      return pool().run(pieces, team, call, work);
    }
  }
  for (int64_t p = 0; p < pieces; ++p) call(work, p);
}

}  // namespace kantor::host
