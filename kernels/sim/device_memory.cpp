#include "kernels/sim/device_memory.h"

#include "kernels/sim/races.h"
#include "kernels/sim/simulator.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>

#if defined(__SANITIZE_ADDRESS__)
#define KANTOR_ASAN 1
#include <sanitizer/asan_interface.h>
#endif

namespace kantor::sim {
namespace {

constexpr size_t alignment = 256;

#ifdef KANTOR_ASAN
struct Buffers {
  std::mutex mutex;
  std::unordered_map<void*, size_t> sizes;
  int users = 0;

  void set(bool reachable) {
    for (const auto& [data, bytes] : sizes) {
      if (reachable) {
        __asan_unpoison_memory_region(data, bytes);
      } else {
        __asan_poison_memory_region(data, bytes);
      }
    }
  }
};
/// Never destroyed: tensors of static lifetime may outlive everything else.
Buffers& buffers() {
  static auto* const instance = new Buffers;
  return *instance;
}
#endif

}  // namespace

#ifdef KANTOR_ASAN
DeviceAccess::DeviceAccess() {
  const std::lock_guard lock(buffers().mutex);
  if (buffers().users++ == 0) buffers().set(true);
}
DeviceAccess::~DeviceAccess() {
  const std::lock_guard lock(buffers().mutex);
  if (--buffers().users == 0) buffers().set(false);
}
#else
DeviceAccess::DeviceAccess() = default;
DeviceAccess::~DeviceAccess() = default;
#endif

void* device_malloc(size_t bytes) noexcept {
  // The size as asked for, so that the byte behind it is not part of it.
  void* data = nullptr;
  if (posix_memalign(&data, alignment, bytes > 0 ? bytes : 1) != 0) return nullptr;
  std::memset(data, 0xff, bytes);
  races::memory_begins(data, bytes);
#ifdef KANTOR_ASAN
  const std::lock_guard lock(buffers().mutex);
  buffers().sizes[data] = bytes;
  if (buffers().users == 0) __asan_poison_memory_region(data, bytes);
#endif
  return data;
}

void device_free(void* data) noexcept {
#ifdef KANTOR_ASAN
  const std::lock_guard lock(buffers().mutex);
  if (const auto found = buffers().sizes.find(data); found != buffers().sizes.end()) {
    __asan_unpoison_memory_region(data, found->second);
    buffers().sizes.erase(found);
  }
#endif
  races::memory_ends(data);
  std::free(data);
}

void copy_in(void* device, const void* host, size_t bytes) {
  const DeviceAccess access;
  std::memcpy(device, host, bytes);
}

void copy_out(void* host, const void* device, size_t bytes) {
  const DeviceAccess access;
  std::memcpy(host, device, bytes);
}

}  // namespace kantor::sim
