// What makes timing less reliable while something is timed: other load on the machine, and clocks that change.
#pragma once

#include "bench/nvml.h"
#include "engine/device.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

/// Fractions of all processors' time since the watch began; zeros if the system does not report it.
struct OtherLoad {
  double others = 0;  // taken by other processes
  double steal = 0;   // taken by other virtual machines
  [[nodiscard]] bool busy() const { return others > 0.1 || steal > 0.02; }
};

class LoadWatch {
 public:
  LoadWatch();
  [[nodiscard]] OtherLoad since() const;

 private:
  struct Ticks {
    double all = 0, busy = 0, steal = 0, own = 0;  // seconds over all processors; of this process
  };
  static Ticks now();
  Ticks start_;
};

/// The mean clock of this machine's processors now, in MHz: from cpufreq, else from /proc/cpuinfo; 0 if neither tells.
/// `root` stands in for "/" in tests.
double processor_mhz(const std::string& root = "");

/// The clocks while something is timed, and why they were lowered: of the processors, and of a GPU where NVML can be
/// loaded. Call `sample` while the device is at work, or has just been.
class ClockWatch {
 public:
  /// `nvml`: NVML's file, for tests; `root` as of processor_mhz.
  explicit ClockWatch(Device device, const std::string& nvml = "libnvidia-ml.so.1", const std::string& root = "");
  void sample();
  /// {"processor_mhz": [lowest, highest] or null, and of a GPU "sm_mhz", "memory_mhz", "watts", "celsius": the same,
  /// "most_sm_mhz", "most_watts", "nvml": "" or why it is not read}.
  [[nodiscard]] nlohmann::json clocks() const;
  /// Names of the reasons for which a GPU's clocks were lowered.
  [[nodiscard]] std::vector<std::string> throttle() const { return throttle_reasons(last_.throttle); }
  /// "" where nothing was found, else what makes the figures doubtful, for people.
  [[nodiscard]] std::string warning() const;

 private:
  struct Range {
    double least = 0, most = 0;
    void add(double value);
    [[nodiscard]] nlohmann::json json() const;
  };
  std::string root_;
  std::unique_ptr<Nvml> nvml_;
  Range processor_, sm_, memory_, watts_, celsius_;
  GpuState last_;  // throttle: of all samples
};

}  // namespace kantor
