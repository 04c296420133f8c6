// Stopwatch: seconds of a device's work.
#pragma once

#include "engine/device.h"

#include <memory>

namespace kantor {

class DeviceClock;

/// Measures work on a device: CUDA events on `cuda`, the steady clock elsewhere. Several may overlap.
class Stopwatch {
 public:
  explicit Stopwatch(Device device);
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  void start();
  /// Waits for the work since start(), and gives its seconds.
  double stop();

 private:
  std::unique_ptr<DeviceClock> clock_;
};

}  // namespace kantor
