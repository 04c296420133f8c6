// Device memory of the simulator, and who may touch it when.
#pragma once

namespace kantor::sim {

/// While one lives, kernels and copies reach device memory; without one, AddressSanitizer reports whoever touches it.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

}  // namespace kantor::sim
