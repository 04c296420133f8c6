// What the threads of a block wait in: barriers, warp collectives, and counts that other blocks raise.
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
           return t.state == State::at_count && has_reached(t.count, t.target);
         });
}

/// Makes threads ready whose counts have been reached, and returns how many wait on.
int BlockRunner::wake_counts() {
  int waiting = 0;
  for (const int i : sequence_) {
    Thread& t = threads_[static_cast<size_t>(i)];
    if (t.state != State::at_count) continue;
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
