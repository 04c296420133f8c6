#include "kernels/sim/races/publication.h"

#include <algorithm>

namespace kantor::sim::races {

void add(std::vector<Published>& all, const Published& what) {
  const auto covers = [](const Published& a, const Published& b) {
    return a.block == b.block && (a.epoch > b.epoch || (a.epoch == b.epoch && a.thread == b.thread));
  };
  if (std::any_of(all.begin(), all.end(), [&](const Published& other) { return covers(other, what); })) return;
  std::erase_if(all, [&](const Published& other) { return covers(what, other); });
  all.push_back(what);
}

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
  add(published, {now.block, now.epoch, now.thread});
  for (const Known& known : known_) {
    if (known.what.block != now.block && known.helps(now)) add(published, known.what);
  }
}

void Knowledge::tell(std::vector<Published>& all) const {
  for (const Known& known : known_) add(all, known.what);
}

void Knowledge::learn(const std::vector<Published>& all, uint64_t block, uint32_t epoch) {
  known_.clear();
  for (const Published& what : all) {
    if (what.block != block) known_.push_back({what, epoch - 1, no_thread});
  }
}

bool Knowledge::ordered(const Access& earlier, const Access& now) const {
  return std::any_of(known_.begin(), known_.end(),
                     [&](const Known& known) { return known.what.holds(earlier) && known.helps(now); });
}

}  // namespace kantor::sim::races
