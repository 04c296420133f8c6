// Device: where a tensor lives and an op runs. `cpu` is the Eigen reference; `cuda` runs the hand-written kernels;
// `sim` runs the same kernel sources thread by thread on the host. A build holds the devices that it found.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kantor {

struct Device {
  enum class Kind : uint8_t { cpu, sim, cuda };
  Kind kind = Kind::cpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
};

/// "cpu", "sim", "cuda:0".
std::string to_string(Device device);

/// Empty where the device works; else why it does not ("this build holds no CUDA device: ...").
std::string why_unavailable(Device device);

/// The device named `cpu`, `sim`, `cuda`, `cuda:N`, or `auto`: a working GPU, else the CPU. Throws DeviceError with the
/// reason where the named device does not work, and for unknown names.
Device find_device(std::string_view name);

/// What the device runs on, for people: the GPU's name, capability, memory and driver; "" for `cpu` and `sim`.
std::string hardware(Device device);

/// Waits for the device's work, and throws what failed in it. The CPU's is done when its calls return.
void synchronize(Device device);

/// Measures work on a device: CUDA events on `cuda`, the steady clock elsewhere. Each has marks of its own.
class DeviceClock;
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

/// What `cuda` takes from NVIDIA's libraries beside matrix products: cuDNN's convolutions (float32) in place of the
/// project's own, and TF32 (10 bits of mantissa, tensor cores) in cuBLAS and cuDNN. One choice for the process.
struct Libraries {
  bool cudnn = false, tf32 = false;
};
/// Before the first step is captured. Throws DeviceError where cuDNN is asked for and cannot be loaded.
void set_libraries(Libraries choice);
Libraries libraries();

/// Threads of the host that work may use, at least 1 (kernels/host/threads.h). Results do not depend on it.
void set_threads(int count);
int threads();

}  // namespace kantor
