#include "kernels/sim/races/shadow.h"

#include "kernels/launcher.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace kantor::sim::races {

void Region::reserve(size_t size) {
  bytes = size;
  const size_t count = size / 4 + 2;  // the last word may be half inside, and an access may end behind it
  if (count <= word_count) return;
  lanes.clear();
  words.reset(static_cast<Word*>(std::calloc(count, sizeof(Word))));
  word_count = words ? count : 0;
  if (!words) {
    throw KernelError("race checker: no memory for the shadow of " + std::to_string(size) + " bytes, which takes " +
                      std::to_string(sizeof(Word) / 4) + " times as much; check a smaller case");
  }
}

Lanes& Region::lanes_of(Word& word) {
  if (word.lanes == 0) {
    lanes.push_back({});
    word.lanes = static_cast<uint32_t>(lanes.size());
  }
  return lanes[word.lanes - 1];
}

void Shadow::add(uintptr_t begin, size_t bytes) {
  Region& region = regions_[begin];
  region.begin = begin;
  region.reserve(bytes);
  std::fill(std::begin(recent_), std::end(recent_), Stretch{});
}

void Shadow::remove(uintptr_t begin) {
  regions_.erase(begin);
  std::fill(std::begin(recent_), std::end(recent_), Stretch{});
}

void Shadow::move_static(uintptr_t begin, size_t bytes) {
  static_.begin = begin;
  static_.memory = Memory::static_shared;
  static_.reserve(bytes);
  std::fill(std::begin(recent_), std::end(recent_), Stretch{});
}

void Shadow::set_dynamic(std::vector<Region*> regions) {
  dynamic_ = std::move(regions);
  std::fill(std::begin(recent_), std::end(recent_), Stretch{});
}

Region* Shadow::find(uintptr_t address) {
  for (const Stretch& known : recent_) {
    if (address >= known.begin && address < known.end) return known.region;
  }
  Stretch& found = recent_[next_++ % recent_count];
  found = {0, std::numeric_limits<uintptr_t>::max(), nullptr};
  const auto take = [&](Region& region) {
    if (address >= region.begin + region.bytes) {
      found.begin = std::max(found.begin, region.begin + region.bytes);
    } else if (address < region.begin) {
      found.end = std::min(found.end, region.begin);
    } else {
      found = {region.begin, region.begin + region.bytes, &region};
    }
    return found.region != nullptr;
  };
  if (take(static_)) return found.region;
  for (Region* region : dynamic_) {
    if (region->bytes > 0 && take(*region)) return found.region;
  }
  const auto above = regions_.upper_bound(address);
  if (above != regions_.begin() && take(std::prev(above)->second)) return found.region;
  if (above != regions_.end()) take(above->second);
  return found.region;
}

}  // namespace kantor::sim::races
