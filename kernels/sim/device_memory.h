// Device memory of the simulator: which addresses are its own, and who may touch them when.
#pragma once

#include <string>

namespace kantor::sim {

/// While one lives, kernels and copies reach device memory. Without one AddressSanitizer reports whoever touches it,
/// and so does the program itself where memory is protected (protect_device_memory).
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

/// Whether `data` lies in a buffer of device memory, or is the end of one.
bool is_device_memory(const void* data);
/// Throws KernelError that begins with `what` where it does not: on a GPU that would be a fault.
void require_device_memory(const void* data, const std::string& what);

}  // namespace kantor::sim
