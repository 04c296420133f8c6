// Replay: a step that is captured and replayed between two readings of its device's clock.
#pragma once

#include "engine/step.h"
#include "engine/stopwatch.h"

#include <cstdint>
#include <functional>
#include <string>

namespace kantor {

/// A captured step and its device's clock: CUDA events on `cuda`, the steady clock elsewhere.
class Replay {
 public:
  /// Records `fn`, rewritten as `rewrites` says (engine/rewrites.h), and replays it once. `first`, if there is one, is
  /// called after the first run.
  Replay(std::function<void()> fn, Device device, const std::string& rewrites = "all",
         const std::function<void()>& first = {});

  /// Seconds of that many replays together, after the work before them is done.
  double seconds(int64_t replays);
  [[nodiscard]] int64_t launches() const { return step_.launches(); }

 private:
  Device device_;
  Step step_;
  Stopwatch watch_;
};

}  // namespace kantor
