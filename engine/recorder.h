// Recorder: the list of launches that a captured step replays. Internal to the engine: `apply` writes it, Step owns it.
#pragma once

#include "engine/op.h"

#include <memory>
#include <vector>

namespace kantor {

/// One launch on fixed memory. It owns the op, and what it reads and writes through the recording's pool and `kept`.
struct Launch {
  std::shared_ptr<const Op> op;
  std::vector<View> inputs, outputs;
  Device device;
};

/// Whether the profiler or the NaN check wants to see every launch.
bool observed();

/// Runs one forward, or hands it to the capture of its device. Throws KernelError with the op's name in front.
void launch_alone(const Launch& launch);
/// Runs one forward with the profiler and the NaN check round it.
void run(const Launch& launch);

struct Recorder {
  std::shared_ptr<Pool> pool;  // of the step's own temporaries, which later launches may reuse
  std::vector<Launch> launches;
  std::vector<std::shared_ptr<Storage>> kept;     // what was made outside the step
  std::vector<std::shared_ptr<Storage>> written;  // of these, what the step writes in place

  void record(const Launch& launch, std::span<const Tensor> inputs, std::span<const Tensor> targets);
};

/// The recorder of this thread, or null.
Recorder* recorder();
void set_recorder(Recorder* recorder);

/// Throws CaptureError naming `action` while this thread records.
void forbid_in_capture(const char* action);

}  // namespace kantor
