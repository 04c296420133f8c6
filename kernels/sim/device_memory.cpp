#include "kernels/sim/device_memory.h"

#include "kernels/sim/protected_pages.h"
#include "kernels/sim/races.h"
#include "kernels/sim/simulator.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <string>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace kantor::sim {
namespace {

#if defined(__SANITIZE_ADDRESS__)
/// Heap buffers of exact size, so that the byte after one is not part of it. They are poisoned while closed.
class Memory {
 public:
  void* allocate(size_t bytes) {
    void* data = nullptr;
    return posix_memalign(&data, 256, bytes > 0 ? bytes : 1) == 0 ? data : nullptr;
  }
  void release(void* data, size_t bytes) {
    __asan_unpoison_memory_region(data, bytes);
    std::free(data);
  }
  void open(bool on, const std::map<const void*, size_t>& buffers) {
    for (const auto& [data, bytes] : buffers) {
      if (on) {
        __asan_unpoison_memory_region(data, bytes);
      } else {
        __asan_poison_memory_region(data, bytes);
      }
    }
  }
};
#else
using Memory = ProtectedPages;
#endif

struct Buffers {
  std::mutex mutex;
  std::map<const void*, size_t> sizes;
  Memory memory;
  int users = 0;
};
/// Never destroyed: tensors of static lifetime may outlive everything else.
Buffers& buffers() {
  static auto* const instance = new Buffers;
  return *instance;
}

}  // namespace

DeviceAccess::DeviceAccess() {
  const std::lock_guard lock(buffers().mutex);
  if (buffers().users++ == 0) buffers().memory.open(true, buffers().sizes);
}
DeviceAccess::~DeviceAccess() {
  const std::lock_guard lock(buffers().mutex);
  if (--buffers().users == 0) buffers().memory.open(false, buffers().sizes);
}

bool is_device_memory(const void* data) {
  Buffers& all = buffers();
  const std::lock_guard lock(all.mutex);
  const auto after = all.sizes.upper_bound(data);
  if (after == all.sizes.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  return static_cast<const std::byte*>(data) <= static_cast<const std::byte*>(begin) + bytes;
}

void require_device_memory(const void* data, const std::string& what) {
  if (is_device_memory(data)) return;
  char text[32];
  std::snprintf(text, sizeof text, "%p", data);
  throw KernelError(what + ", " + text + ", is no device memory: a GPU could not reach it");
}

void* device_malloc(size_t bytes) noexcept try {
  const DeviceAccess access;
  void* data = nullptr;
  {
    Buffers& all = buffers();
    const std::lock_guard lock(all.mutex);
    data = all.memory.allocate(bytes);
    if (data == nullptr) return nullptr;
    all.sizes[data] = bytes;
  }
  std::memset(data, 0xff, bytes);
  races::memory_begins(data, bytes);
  return data;
} catch (const std::bad_alloc&) {  // no room for the bookkeeping
  return nullptr;
}

void device_free(void* data) noexcept try {
  if (data == nullptr) return;
  races::memory_ends(data);
  Buffers& all = buffers();
  const std::lock_guard lock(all.mutex);
  const auto found = all.sizes.find(data);
  if (found == all.sizes.end()) return;
  const size_t bytes = found->second;
  all.sizes.erase(found);
  all.memory.release(data, bytes);
} catch (const std::bad_alloc&) {  // no room for the bookkeeping: the addresses are lost
}

void copy_in(void* device, const void* host, size_t bytes) {
  if (bytes == 0) return;
  require_device_memory(device, "simulator: the target of a copy from the host");
  const DeviceAccess access;
  std::memcpy(device, host, bytes);
}

void copy_out(void* host, const void* device, size_t bytes) {
  if (bytes == 0) return;
  require_device_memory(device, "simulator: the source of a copy to the host");
  const DeviceAccess access;
  std::memcpy(host, device, bytes);
}

}  // namespace kantor::sim
