// Copies that vanish, because what is copied can be written where the copy would go.
#include "engine/recording/rewrite.h"

#include <algorithm>

namespace kantor {
namespace {

/// Whether the source of the copy `calls[k]`, a temporary, may live in the copy's target from its making on.
bool may_live_in_target(const Recording& recording, size_t k) {
  const Operand &source = recording.calls[k].inputs[0], &target = recording.calls[k].outputs[0];
  if (!source.whole_temporary() || source.buffer == target.buffer) return false;
  const std::vector<size_t> writers = recording.writers(*source.buffer), readers = recording.readers(*source.buffer);
  if (writers.size() != 1 || writers[0] > k) return false;
  // From the source's writing to the copy nobody else needs the target's place: not as it was, nor for something else.
  const RecordedCall& maker = recording.calls[writers[0]];
  if (maker.reads(target) || maker.writes(target)) return false;  // by another of its outputs
  for (size_t i = writers[0] + 1; i < k; ++i) {
    if (recording.calls[i].reads(target) || recording.calls[i].writes(target)) return false;
  }
  // And as long as the source is read, the target is not overwritten.
  for (size_t i = k + 1; i < recording.calls.size() && i <= readers.back(); ++i) {
    if (recording.calls[i].writes(target)) return false;
  }
  return true;
}

}  // namespace

void write_in_place(Recording& recording) {
  std::vector<bool> vanished(recording.calls.size());
  for (size_t k = 0; k < recording.calls.size(); ++k) {
    const RecordedCall& call = recording.calls[k];
    if (!call.op->is_copy()) continue;
    const Operand source = call.inputs[0], target = call.outputs[0];
    if (!source.same_bytes(target)) {
      if (!may_live_in_target(recording, k)) continue;
      recording.move_buffer(*source.buffer, target.buffer, target.begin);
    }
    vanished[k] = true;
  }
  recording.remove(vanished);
}

}  // namespace kantor
