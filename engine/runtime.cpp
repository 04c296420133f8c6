#include "engine/runtime.h"

#include "engine/error.h"
#include "engine/target.h"

#include <array>
#include <atomic>
#include <fmt/format.h>

namespace kantor {

Runtime& runtime(Device device) {
  // Called at every launch, so a device that has worked once is remembered.
  static std::array<std::atomic<Runtime*>, 64> known{};
  const auto slot = static_cast<size_t>(device.index) % known.size();
  if (device.kind == Device::Kind::cuda && slot == static_cast<size_t>(device.index)) {
    if (Runtime* found = known[slot]) return *found;
  }
  if (const std::string reason = why_unavailable(device); !reason.empty()) {
    throw DeviceError(fmt::format("device {} is not available: {}", to_string(device), reason));
  }
#ifndef KANTOR_NO_KERNELS
  if (device.kind == Device::Kind::sim) return sim_runtime();
#endif
#ifdef KANTOR_HAS_CUDA
  if (device.kind == Device::Kind::cuda) {
    Runtime& found = cuda_runtime(device.index);
    if (slot == static_cast<size_t>(device.index)) known[slot] = &found;
    return found;
  }
#endif
  throw DeviceError("the CPU runs no kernels");
}

Target target_of(Device device) {
  const Runtime& r = runtime(device);
  return {device, r.backend(), r.stream()};
}

}  // namespace kantor
