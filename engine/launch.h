// Launching kernels from ops: the backend and stream of a device, and temporaries that live until the op ends.
#pragma once

#include "engine/memory.h"
#include "kernels/launcher.h"

namespace kantor {

struct Target {
  Backend backend;
  Stream stream;
};
/// Of `cuda` or `sim`. Throws DeviceError where the device does not work.
Target target_of(Device device);

/// Device memory for the time of a launch; work that runs later keeps its order, so it may be reused at once.
class Temporary {
 public:
  Temporary(Device device, int64_t bytes)
      : storage_(current_pool(device)->allocate(static_cast<size_t>(bytes < 0 ? 0 : bytes))) {}
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(storage_->data);
  }

 private:
  std::shared_ptr<Storage> storage_;
};

}  // namespace kantor
