#include "engine/device.h"

#include "engine/error.h"
#include "engine/libraries.h"
#include "engine/runtime.h"

#include <charconv>
#include <fmt/format.h>

namespace kantor {

std::string to_string(Device device) {
  switch (device.kind) {
    case Device::Kind::cpu:
      return "cpu";
    case Device::Kind::sim:
      return "sim";
    case Device::Kind::cuda:
      return fmt::format("cuda:{}", device.index);
  }
  return "unknown";
}

std::string why_unavailable(Device device) {
  switch (device.kind) {
    case Device::Kind::cpu:
      return "";
    case Device::Kind::sim:
#ifdef KANTOR_NO_KERNELS
      return "this build holds no kernels";
#else
      return "";
#endif
    case Device::Kind::cuda:
#ifdef KANTOR_HAS_CUDA
      return why_no_cuda(device.index);
#else
      return "this build holds no CUDA device: nvcc was not found when it was configured";
#endif
  }
  return "unknown device";
}

Device find_device(std::string_view name) {
  if (name == "auto") {
    const Device gpu{Device::Kind::cuda, 0};
    return why_unusable(gpu).empty() ? gpu : Device{};
  }
  Device device;
  if (name == "cpu") return device;
  const std::string_view kind = name.substr(0, name.find(':'));
  if (kind != "sim" && kind != "cuda") {
    throw DeviceError(fmt::format("unknown device '{}'; known are auto, cpu, sim, sim:N, cuda, cuda:N", name));
  }
  if (kind != name) {
    const std::string_view digits = name.substr(kind.size() + 1);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), device.index);
    if (status != std::errc() || end != digits.data() + digits.size() || device.index < 0) {
      throw DeviceError(fmt::format("device '{}': expected {}:N with a number N >= 0", name, kind));
    }
  }
  device.kind = kind == "sim" ? Device::Kind::sim : Device::Kind::cuda;
  if (kind == "sim") device.index = 0;  // one simulator in a process: the number is a label
  if (const std::string reason = why_unusable(device); !reason.empty()) {
    throw DeviceError(fmt::format("device {} is not available: {}", to_string(device), reason));
  }
  return device;
}

void synchronize(Device device) {
  if (device.kind != Device::Kind::cpu) runtime(device).synchronize();
}

std::string hardware([[maybe_unused]] Device device) {
#ifdef KANTOR_HAS_CUDA
  if (device.kind == Device::Kind::cuda) return cuda_hardware(device.index);
#endif
  return "";
}

}  // namespace kantor
