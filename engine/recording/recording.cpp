#include "engine/recording/recording.h"

#include <algorithm>

namespace kantor {
namespace {

bool any_overlap(const std::vector<Operand>& operands, const Operand& place) {
  return std::any_of(operands.begin(), operands.end(), [&](const Operand& o) { return o.overlaps(place); });
}

}  // namespace

bool RecordedCall::writes(const Operand& place) const {
  return any_overlap(outputs, place);
}

bool RecordedCall::reads(const Operand& place) const {
  return any_overlap(inputs, place) || (op->reads_outputs() && any_overlap(outputs, place));
}

void RecordedCall::move_buffer(const Buffer& from, const std::shared_ptr<Buffer>& to, size_t offset) {
  for (std::vector<Operand>* operands : {&inputs, &outputs}) {
    for (Operand& operand : *operands) {
      if (operand.buffer.get() != &from) continue;
      operand.buffer = to;
      operand.begin += offset;
    }
  }
}

void Recording::remove(const std::vector<bool>& marks) {
  size_t kept = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (marks[i]) continue;
    if (kept != i) calls[kept] = std::move(calls[i]);
    ++kept;
  }
  calls.resize(kept);
}

}  // namespace kantor
