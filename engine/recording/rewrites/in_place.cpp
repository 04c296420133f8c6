// Copies that vanish, because what is copied can be written where the copy would go.
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/uses.h"

#include <optional>

namespace kantor {
namespace {

/// Whether the source of the copy `calls[k]`, a temporary, may live in the copy's target from its making on.
bool may_live_in_target(const Recording& recording, const Uses& uses, size_t k) {
  const Operand &source = recording.calls[k].inputs[0], &target = recording.calls[k].outputs[0];
  if (!source.whole_temporary() || source.buffer == target.buffer) return false;
  const std::optional<size_t> writer = uses.only_writer(*source.buffer);
  if (!writer || *writer > k) return false;
  // From the source's writing to the copy nobody else needs the target's place: not as it was, nor for something else.
  const RecordedCall& maker = recording.calls[*writer];
  if (maker.reads(target) || maker.writes(target)) return false;  // by another of its outputs
  if (uses.used(target, *writer + 1, k)) return false;
  // And as long as the source is read, the target is not overwritten.
  return !uses.written(target, k + 1, *uses.last_reader(*source.buffer) + 1);
}

}  // namespace

void write_in_place(Recording& recording) {
  std::vector<bool> vanished(recording.calls.size());
  Uses uses(recording);
  for (size_t k = 0; k < recording.calls.size(); ++k) {
    const RecordedCall& call = recording.calls[k];
    if (!call.op->is_copy()) continue;
    const Operand source = call.inputs[0], target = call.outputs[0];
    if (!source.same_bytes(target)) {
      if (!may_live_in_target(recording, uses, k)) continue;
      uses.move_buffer(*source.buffer, target.buffer, target.begin);
    }
    vanished[k] = true;
  }
  uses.remove(vanished);
}

}  // namespace kantor
