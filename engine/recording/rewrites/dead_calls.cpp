#include "engine/recording/rewrite.h"

#include <algorithm>
#include <unordered_set>

namespace kantor {

void remove_dead_calls(Recording& recording) {
  std::unordered_set<const Buffer*> wanted;  // read by a call that stays, seen from the end
  std::vector<bool> dead(recording.calls.size());
  for (size_t i = recording.calls.size(); i-- > 0;) {
    const RecordedCall& call = recording.calls[i];
    dead[i] = std::none_of(call.outputs.begin(), call.outputs.end(), [&](const Operand& output) {
      return !output.buffer->temporary() || wanted.contains(output.buffer.get());
    });
    if (dead[i]) continue;
    for (const Operand& input : call.inputs) wanted.insert(input.buffer.get());
    if (!call.op->reads_outputs()) continue;
    for (const Operand& output : call.outputs) wanted.insert(output.buffer.get());
  }
  recording.remove(dead);
}

}  // namespace kantor
