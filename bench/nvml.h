// A GPU's clocks, power, temperature and reasons of throttling, from NVIDIA's management library. It is loaded where it
// is there, and never needed to build.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kantor {

struct GpuState {
  int sm_mhz = 0, most_sm_mhz = 0, memory_mhz = 0;  // 0: not told
  double watts = 0, most_watts = 0;
  int celsius = 0;
  uint64_t throttle = 0;  // NVML's bits
};

/// The names of throttle reasons: "power cap", "too hot (hardware)", ... Idleness is none.
std::vector<std::string> throttle_reasons(uint64_t bits);

class Nvml {
 public:
  /// `bus`: the device's PCI address, as "0000:1B:00.0"; empty: the first one. `file` is looked for as the system's
  /// loader does. What cannot be loaded or found leaves why_not().
  explicit Nvml(const std::string& bus, const std::string& file = "libnvidia-ml.so.1");
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  /// What the device says now; zeros where it does not.
  [[nodiscard]] GpuState read() const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
  std::string why_not_;
};

}  // namespace kantor
