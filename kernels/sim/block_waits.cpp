// What the threads of a block wait in: barriers, warp collectives, counts that other blocks raise, and barriers of the
// cluster, with what its blocks may do to each other.
#include "kernels/sim/block.h"
#include "kernels/sim/places.h"
#include "kernels/sim/races.h"
#include "kernels/sim/traffic.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace kantor::sim {
namespace {

bool has_reached(const unsigned* count, unsigned target) {
  return __atomic_load_n(count, __ATOMIC_RELAXED) >= target;
}

}  // namespace

Votes BlockRunner::barrier(const char* word, bool predicate, Site site) {
  if (at_barrier_ > 0 && !(site == barrier_site_)) {
    threads_[static_cast<size_t>(current_)] = {threads_[static_cast<size_t>(current_)].fiber, State::at_barrier, word,
                                               site};
    std::string what = "barrier divergence: threads wait at different barriers\n" + states();
    fail(std::move(what));
  }
  if (returned_ > 0) {
    threads_[static_cast<size_t>(current_)] = {threads_[static_cast<size_t>(current_)].fiber, State::at_barrier, word,
                                               site};
    std::string what = "barrier divergence: not every thread of the block reaches the barrier\n" + states();
    fail(std::move(what));
  }
  barrier_word_ = word;
  barrier_site_ = site;
  votes_.yes += predicate ? 1 : 0;
  const unsigned generation = generation_;
  if (++at_barrier_ == count_) {
    results_[generation % 2] = {votes_.yes, count_};
    votes_ = {};
    at_barrier_ = 0;
    ++generation_;
    races::barrier();
    products_.barrier();
    traffic::barrier();
    for (const int i : sequence_) {
      if (threads_[static_cast<size_t>(i)].state != State::at_barrier) continue;
      threads_[static_cast<size_t>(i)].state = State::ready;
      ready_.push_back(i);
    }
  } else {
    Thread& self = threads_[static_cast<size_t>(current_)];
    self.state = State::at_barrier;
    self.word = word;
    self.site = site;
    suspend();
  }
  proxy_fenced_[static_cast<size_t>(current_)] = 0;
  return results_[generation % 2];
}

bool BlockRunner::is_complete(const Collective& record, int warp) const {
  for (int lane = 0; lane < 32; ++lane) {
    const int thread = warp * 32 + lane;
    if ((record.mask >> lane & 1) == 0 || record.has(lane)) continue;
    if (thread < count_ && threads_[static_cast<size_t>(thread)].state != State::returned) return false;
  }
  return true;
}

/// Wakes the lanes that wait for the record. Only __syncwarp orders memory; no other collective does.
void BlockRunner::complete(Collective& record) {
  const int warp = current_ / 32;
  record.complete = true;
  if (std::strcmp(record.word, "__syncwarp") == 0) races::warp_barrier(warp, record.arrived);
  for (int lane = 0; lane < 32; ++lane) {
    const int thread = warp * 32 + lane;
    if (!record.has(lane) || thread >= count_) continue;
    Thread& t = threads_[static_cast<size_t>(thread)];
    if (t.state != State::in_collective || t.word != record.word) continue;
    t.state = State::ready;
    ready_.push_back(thread);
  }
}

Collective& BlockRunner::join(const char* word, uint32_t mask, uint32_t bytes, Site site) {
  const int own = current_ % 32;
  if ((mask >> own & 1) == 0) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%08x", mask);
    std::string what = std::string(word) + " at " + text_of(site) + ": the mask " + text + " omits its caller, lane " +
                       std::to_string(own);
    fail(std::move(what));
  }
  auto& records = open_[static_cast<size_t>(current_ / 32)];
  for (const auto& record : records) {
    if (std::strcmp(record->word, word) == 0 && record->mask == mask && record->bytes == bytes && !record->has(own)) {
      record->arrived |= 1U << own;
      ++record->readers;
      return *record;
    }
  }
  if (free_records_.empty()) free_records_.push_back(std::make_unique<Collective>());
  records.push_back(std::move(free_records_.back()));
  free_records_.pop_back();
  Collective& record = *records.back();
  record.word = word;
  record.mask = mask;
  record.bytes = bytes;
  record.arrived = 1U << own;
  record.readers = 1;
  record.complete = false;
  return record;
}

void BlockRunner::await(Collective& record, Site site) {
  if (is_complete(record, current_ / 32)) return complete(record);
  const int own = current_;
  while (!is_complete(record, own / 32)) {  // another collective of the same name may have woken this lane
    Thread& self = threads_[static_cast<size_t>(own)];
    self.state = State::in_collective;
    self.word = record.word;
    self.site = site;
    suspend();
  }
}

void BlockRunner::leave(Collective& record) {
  if (--record.readers > 0) return;
  auto& records = open_[static_cast<size_t>(current_ / 32)];
  const auto at = std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.get() == &record; });
  free_records_.push_back(std::move(*at));
  records.erase(at);
}

void BlockRunner::await_count(const unsigned* count, unsigned target, Site site) {
  while (!has_reached(count, target)) {
    Thread& self = threads_[static_cast<size_t>(current_)];
    self.state = State::at_count;
    self.word = "a barrier of its team";
    self.site = site;
    self.count = count;
    self.target = target;
    suspend();
  }
  proxy_fenced_[static_cast<size_t>(current_)] = 0;
}

void BlockRunner::await_cluster(Site site) {
  Thread& self = threads_[static_cast<size_t>(current_)];
  const bool others_wait = cluster_->arrived > 0 || at_cluster_ > 0;
  if (others_wait && !(site == cluster_->site)) {
    std::string what = "barrier divergence: cluster_barrier at " + text_of(site) +
                       ", where other threads of the cluster wait at " + text_of(cluster_->site);
    fail(std::move(what));
  }
  if (returned_ > 0) {
    self.state = State::at_cluster;
    self.word = "cluster_barrier";
    self.site = site;
    std::string what = "barrier divergence: not every thread of the block reaches the barrier\n" + states();
    fail(std::move(what));
  }
  cluster_->site = site;
  const unsigned target = cluster_->passed + 1;
  if (++at_cluster_ == count_) {
    at_cluster_ = 0;
    products_.barrier();
    traffic::barrier();
    if (++cluster_->arrived == cluster_->blocks.size()) {
      cluster_->arrived = 0;
      ++cluster_->passed;
      races::cluster_barrier(index_ - index_ % cluster_->blocks.size());
    }
  }
  while (cluster_->passed < target) {
    self.state = State::at_cluster;
    self.word = "cluster_barrier";
    self.site = site;
    self.count = &cluster_->passed;
    self.target = target;
    suspend();
  }
  proxy_fenced_[static_cast<size_t>(current_)] = 0;
}

/// What is wrong with touching `bytes` bytes from `offset` on in the block of that rank, or "".
std::string BlockRunner::wrong_visit(uintptr_t offset, size_t bytes, int rank) const {
  if (offset + bytes > launch_->shape.shared_bytes || offset + bytes < offset) {
    return "the address is not in dynamic_shared()";
  }
  if (rank < 0 || rank >= blocks_of_cluster()) {
    return "there is no block " + std::to_string(rank) + " in a cluster of " + std::to_string(blocks_of_cluster());
  }
  const BlockRunner& peer = *cluster_->blocks[static_cast<size_t>(rank)];
  if (&peer == this) return "";
  if (cluster_->passed == 0) {
    return "block " + peer.place_in_grid() + " may not have begun; a cluster_barrier() must come before";
  }
  if (peer.is_finished()) return "block " + peer.place_in_grid() + " has ended; a cluster_barrier() must come between";
  return "";
}

void* BlockRunner::peer_address(const void* own, size_t bytes, int rank, const char* word, Site site) {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(own) - reinterpret_cast<uintptr_t>(dynamic_shared_.get());
  std::string wrong = wrong_visit(offset, bytes, rank);
  if (!wrong.empty()) {
    wrong.insert(0, std::string(word) + " at " + text_of(site) + ": ");
    fail(std::move(wrong));
  }
  BlockRunner& peer = *cluster_->blocks[static_cast<size_t>(rank)];
  if (&peer != this) peer.visit_ = {cluster_->passed, this, site};
  return static_cast<std::byte*>(peer.dynamic_shared_.get()) + offset;
}

/// All threads have returned. Returns what is wrong with that, or "".
std::string BlockRunner::finish() {
  std::string found = races::block_ends();
  if (found.empty()) found = wrong_end();
  if (found.empty() && visit_.passed > 0 && visit_.passed == cluster_->passed) {
    found = "ends while block " + visit_.by->place_in_grid() + " may touch its shared memory, at " +
            text_of(visit_.site) + "; a cluster_barrier() must come between";
  }
  return found;
}

std::string BlockRunner::place_in_grid() const {
  return text_of(place_in(index_, launch_->shape.grid));
}

/// Which threads wait where, and which have returned; neighbours in the same state on one line.
std::string BlockRunner::states() const {
  const auto describe = [&](const Thread& t) -> std::string {
    switch (t.state) {
      case State::fresh:
        return "has not begun";
      case State::ready:
      case State::running:
        return "runs";
      case State::at_barrier:
      case State::in_collective:
        return std::string("waits in ") + t.word + " at " + text_of(t.site);
      case State::at_count:
        return std::string("waits in ") + t.word + " at " + text_of(t.site) + ": " +
               std::to_string(__atomic_load_n(t.count, __ATOMIC_RELAXED)) + " of " + std::to_string(t.target) +
               " arrivals";
      case State::at_cluster:
        return std::string("waits in ") + t.word + " at " + text_of(t.site) + ": " + std::to_string(cluster_->arrived) +
               " of " + std::to_string(cluster_->blocks.size()) + " blocks";
      case State::at_mbarrier:
        return std::string("waits in ") + t.word + " at " + text_of(t.site) + " for " +
               std::to_string(t.mbarrier->bytes) + " bytes and " + std::to_string(t.mbarrier->missing) + " arrivals";
      case State::returned:
        return "returned";
    }
    return "";
  };
  std::string text;
  for (int first = 0; first < count_;) {
    const std::string what = describe(threads_[static_cast<size_t>(first)]);
    int last = first;
    while (last + 1 < count_ && describe(threads_[static_cast<size_t>(last + 1)]) == what) ++last;
    const auto place = [&](int thread) {
      return text_of(place_in(static_cast<uint64_t>(thread), launch_->shape.block));
    };
    text += "  thread " + place(first) + (last > first ? " .. " + place(last) : "") + ": " + what + "\n";
    first = last + 1;
  }
  if (!text.empty()) text.pop_back();
  return text;
}

bool BlockRunner::can_advance() const {
  return outcome_ != Outcome::waits || std::any_of(threads_.begin(), threads_.end(), [](const Thread& t) {
           return t.waits_for_count() && has_reached(t.count, t.target);
         });
}

/// Makes threads ready whose counts have been reached, or whose cluster has met, and returns how many wait on.
int BlockRunner::wake_counts() {
  int waiting = 0;
  for (const int i : sequence_) {
    Thread& t = threads_[static_cast<size_t>(i)];
    if (!t.waits_for_count()) continue;
    if (has_reached(t.count, t.target)) {
      t.state = State::ready;
      ready_.push_back(i);
    } else {
      ++waiting;
    }
  }
  return waiting;
}

}  // namespace kantor::sim
