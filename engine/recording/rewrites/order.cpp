#include "engine/recording/rewrites/order.h"

#include <algorithm>

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

}  // namespace kantor
