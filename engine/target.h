// Target: where an op's kernels run, as forwards on `cuda` and `sim` see it.
#pragma once

#include "engine/memory.h"
#include "kernels/launcher.h"

namespace kantor {

struct Target {
  Device device;
  Backend backend;
  Stream stream;
};
/// The backend and stream of a `cuda` or `sim` device. Throws DeviceError if the device does not work.
Target target_of(Device device);

/// Device memory for the time of a forward. Work that runs later keeps its order, so the memory may be reused at once.
class Temporary {
 public:
  Temporary(const Target& target, int64_t bytes)
      : storage_(current_pool(target.device)->allocate(static_cast<size_t>(bytes < 0 ? 0 : bytes))) {}
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(storage_->data);
  }

 private:
  std::shared_ptr<Storage> storage_;
};

}  // namespace kantor
