#include "kernels/sim/races/publication.h"

#include <algorithm>

namespace kantor::sim::races {

void Publications::launch_begins() {
  of_word_.clear();
}

void Publications::block_begins() {
  known_.clear();
  noticed_.clear();
  fenced_.fill(never);
}

void Publications::fence(uint16_t thread, uint32_t epoch) {
  fenced_[thread] = epoch;
  const auto found = noticed_.find(thread);
  if (found == noticed_.end()) return;
  for (const Published& what : found->second) known_.push_back({what, epoch, thread});
  noticed_.erase(found);
}

void Publications::atomic(uintptr_t word, const Access& now) {
  std::vector<Published>& published = of_word_[word];
  for (const Published& what : published) {
    if (what.block != now.block) noticed_[now.thread].push_back(what);
  }
  if (fenced_[now.thread] != now.epoch) return;
  const Published mine{now.block, now.epoch, now.thread};
  const auto same = std::find_if(published.begin(), published.end(), [&](const Published& other) {
    return other.block == mine.block && other.thread == mine.thread;
  });
  if (same == published.end()) {
    published.push_back(mine);
  } else {
    *same = mine;
  }
}

bool Publications::ordered(const Access& earlier, const Access& now) const {
  return std::any_of(known_.begin(), known_.end(), [&](const Known& known) {
    return known.what.holds(earlier) &&
           (now.epoch > known.epoch || (now.epoch == known.epoch && now.thread == known.thread));
  });
}

}  // namespace kantor::sim::races
