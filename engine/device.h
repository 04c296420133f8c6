// Device: where a tensor lives and an op runs. `cpu` is the Eigen reference; `cuda` runs the hand-written kernels;
// `sim` runs the same kernel sources thread by thread on the host. A build holds the devices that it found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kantor {

/// Where a tensor's memory lies and its ops run: the CPU, a GPU, or the simulator of one.
struct Device {
  enum class Kind : uint8_t { cpu, sim, cuda };
  Kind kind = Kind::cpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
};

/// "cpu", "sim", "cuda:0".
std::string to_string(Device device);

/// "" if the device works, otherwise the reason why it does not ("this build holds no CUDA device: ...").
std::string why_unavailable(Device device);

/// The device named `cpu`, `sim`, `cuda`, `cuda:N`, or `auto`: a working GPU, else the CPU. `sim:N` is `sim`: the
/// number is a label, to tell processes apart. Throws DeviceError with the reason where the named device does not work,
/// and for unknown names.
Device find_device(std::string_view name);

/// A description for people: the GPU's name, capability, memory and driver; "" for `cpu` and `sim`.
std::string hardware(Device device);

/// Waits for the device's work, and throws its errors. The CPU's work is done when its calls return.
void synchronize(Device device);

}  // namespace kantor
