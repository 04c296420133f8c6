// OpCall: one forward of an op on fixed memory, which can be run again. Internal to the engine.
#pragma once

#include "engine/op.h"

#include <memory>
#include <vector>

namespace kantor {

/// It owns the op alone: whoever keeps it keeps the memory that it reads and writes (recorder.h).
struct OpCall {
  std::shared_ptr<const Op> op;
  std::vector<View> inputs, outputs;
  Device device;
};

/// Runs one forward, or hands it to the capture of its device. Throws KernelError with the op's name in front.
void run_alone(const OpCall& call);
/// The same with the observers of this thread around it (observers.h).
void run(const OpCall& call);
/// Whether some observer of this thread wants to see every call.
bool observed();

}  // namespace kantor
