#include "engine/op_call.h"
#include "engine/recording/rewrite.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace kantor {
namespace {

View view_of(const Operand& operand) {
  return {static_cast<std::byte*>(operand.buffer->storage->data) + operand.begin, operand.spec.shape,
          operand.spec.dtype};
}

class Folding {
 public:
  explicit Folding(Recording& recording) : recording_(recording) {
    for (const RecordedCall& call : recording.calls) {
      for (const Operand& output : call.outputs) ++writes_[output.buffer.get()];
    }
  }

  void run() {
    std::vector<bool> folded(recording_.calls.size());
    for (size_t i = 0; i < recording_.calls.size(); ++i) {
      folded[i] = is_constant(recording_.calls[i]);
      if (folded[i]) compute(recording_.calls[i]);
    }
    recording_.remove(folded);
  }

 private:
  /// Whether the call reads nothing but constants, and nothing else writes where it does.
  [[nodiscard]] bool is_constant(const RecordedCall& call) const {
    return !call.op->reads_outputs() &&
           std::all_of(call.inputs.begin(), call.inputs.end(), [](const Operand& o) { return o.buffer->constant; }) &&
           std::all_of(call.outputs.begin(), call.outputs.end(),
                       [&](const Operand& o) { return o.whole_temporary() && writes_.at(o.buffer.get()) == 1; });
  }

  /// Runs the call; its outputs become constants.
  void compute(const RecordedCall& call) const {
    OpCall now{call.op, {}, {}, recording_.device};
    for (const Operand& input : call.inputs) now.inputs.push_back(view_of(input));
    for (const Operand& output : call.outputs) {
      output.buffer->storage = current_pool(recording_.device)->allocate(output.buffer->bytes);
      output.buffer->constant = true;
      now.outputs.push_back(view_of(output));
    }
    kantor::run(now);
  }

  Recording& recording_;
  std::unordered_map<const Buffer*, int> writes_;
};

}  // namespace

void fold_constants(Recording& recording) {
  Folding(recording).run();
}

}  // namespace kantor
