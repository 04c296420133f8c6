// Device memory of the simulator: which addresses belong to it, and when they may be accessed.
#pragma once

#include <string>

namespace kantor::sim {

/// While an instance exists, device memory is accessible. Without one, AddressSanitizer reports every access to it,
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
/// Throws KernelError that begins with `what` if it does not: on a GPU an access would be a fault.
void require_device_memory(const void* data, const std::string& what);

}  // namespace kantor::sim
