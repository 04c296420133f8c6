#include "engine/recording/rewrites/order.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace kantor {

void Wake::add(const RecordedCall& call) {
  for (const Operand& input : call.inputs) touched_[input.buffer.get()].push_back({input, false});
  for (const Operand& output : call.outputs) touched_[output.buffer.get()].push_back({output, true});
}

bool Wake::holds(const RecordedCall& call) const {
  return std::any_of(call.inputs.begin(), call.inputs.end(), [&](const Operand& o) { return meets(o, false); }) ||
         std::any_of(call.outputs.begin(), call.outputs.end(), [&](const Operand& o) { return meets(o, true); });
}

bool Wake::meets(const Operand& place, bool written) const {
  const auto found = touched_.find(place.buffer.get());
  return found != touched_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const Touch& touch) {
           return (written || touch.written) && touch.place.overlaps(place);
         });
}

std::optional<std::vector<bool>> calls_after(const Recording& recording, size_t i, size_t j, bool apart) {
  const std::vector<RecordedCall>& calls = recording.calls;
  Wake all, between;
  all.add(calls[i]);
  if (apart && all.holds(calls[j])) return std::nullopt;
  std::vector<bool> after(j - i - 1);
  for (size_t k = i + 1; k < j; ++k) {
    if (!all.holds(calls[k])) continue;
    after[k - i - 1] = true;
    all.add(calls[k]);
    between.add(calls[k]);
  }
  if (between.holds(calls[j])) return std::nullopt;
  return after;
}

size_t replace_both(Recording& recording, size_t i, size_t j, const std::vector<bool>& after, RecordedCall both) {
  std::vector<RecordedCall>& calls = recording.calls;
  std::vector<RecordedCall> ordered;
  for (size_t k = i + 1; k < j; ++k) {
    if (!after[k - i - 1]) ordered.push_back(std::move(calls[k]));
  }
  const size_t place = i + ordered.size();
  ordered.push_back(std::move(both));
  for (size_t k = i + 1; k < j; ++k) {
    if (after[k - i - 1]) ordered.push_back(std::move(calls[k]));
  }
  std::move(ordered.begin(), ordered.end(), calls.begin() + static_cast<std::ptrdiff_t>(i));
  calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(j));
  return place;
}

}  // namespace kantor
