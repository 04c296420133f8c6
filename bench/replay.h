// Replay: a step that is captured and replayed between two readings of its device's clock.
#pragma once

#include "engine/step.h"
#include "engine/stopwatch.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace kantor {

class DeviceGraph;

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

/// A function that the engine does not record: launchers and libraries, captured into a graph of the device, or code
/// that is called each time. On the CPU both are calls.
class DirectReplay {
 public:
  /// Calls `fn` once, then captures it, if `capture` and the device has graphs, and launches that once.
  DirectReplay(std::function<void()> fn, Device device, bool capture);
  ~DirectReplay();
  DirectReplay(const DirectReplay&) = delete;
  DirectReplay& operator=(const DirectReplay&) = delete;

  /// Seconds of that many runs together: by the device's clock where they are captured, else by the host's, until the
  /// device is done.
  double seconds(int64_t runs);
  /// Of a graph; 1 for a call.
  [[nodiscard]] int64_t launches() const;

 private:
  std::function<void()> fn_;
  Device device_;
  Stopwatch watch_;
  std::unique_ptr<DeviceGraph> graph_;
};

}  // namespace kantor
