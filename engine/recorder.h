// Recorder: the list of op calls that a captured step replays. Internal to the engine: `apply` writes it, Step owns it.
#pragma once

#include "engine/op_call.h"

#include <memory>
#include <vector>

namespace kantor {

struct Recorder {
  std::shared_ptr<Pool> pool;  // of the step's own temporaries, which later calls may reuse
  std::vector<OpCall> calls;
  std::vector<std::shared_ptr<Storage>> kept;     // what was made outside the step
  std::vector<std::shared_ptr<Storage>> written;  // those of `kept` that the step writes in place

  void record(const OpCall& call, std::span<const Tensor> inputs, std::span<const Tensor> targets);
};

/// The recorder of this thread, or null.
Recorder* recorder();
void set_recorder(Recorder* recorder);

/// Throws CaptureError naming `action` while this thread records.
void forbid_in_capture(const char* action);

}  // namespace kantor
