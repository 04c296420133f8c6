#include "kernels/sim/races/publication.h"

#include <algorithm>

namespace kantor::sim::races {

void Knowledge::fence(uint16_t thread, uint32_t epoch) {
  fenced_[thread] = epoch;
  const auto found = noticed_.find(thread);
  if (found == noticed_.end()) return;
  for (const Published& what : found->second) {  // what was known of the same thread's past is part of it
    std::erase_if(known_, [&](const Known& known) {
      return known.what.block == what.block && known.what.thread == what.thread && known.what.epoch <= what.epoch &&
             known.epoch < epoch;
    });
    known_.push_back({what, epoch, thread});
  }
  noticed_.erase(found);
}

void Knowledge::atomic(std::vector<Published>& published, const Access& now) {
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

bool Knowledge::ordered(const Access& earlier, const Access& now) const {
  return std::any_of(known_.begin(), known_.end(), [&](const Known& known) {
    return known.what.holds(earlier) &&
           (now.epoch > known.epoch || (now.epoch == known.epoch && now.thread == known.thread));
  });
}

}  // namespace kantor::sim::races
