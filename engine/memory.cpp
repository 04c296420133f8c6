#include "engine/memory.h"

#include "engine/error.h"
#include "engine/runtime.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kantor {
namespace {

constexpr std::align_val_t alignment{64};

struct Counters {
  std::atomic<size_t> live{0}, peak{0}, cached{0};
  std::atomic<int64_t> buffers{0};

  void add(size_t bytes) {
    ++buffers;
    const size_t now = live += bytes;
    size_t seen = peak;
    while (seen < now && !peak.compare_exchange_weak(seen, now)) {
    }
  }
  void remove(size_t bytes) {
    --buffers;
    live -= bytes;
  }
};

/// Never destroyed: tensors of static lifetime may outlive everything else.
Counters& counters() {
  static auto* const instance = new Counters;
  return *instance;
}

/// Four size classes to a power of two, so that at most a fifth of a buffer is slack. None where the sanitizers check
/// kernels: they see the byte behind a buffer, but not the slack in it.
size_t size_class(size_t bytes) {
#ifdef KANTOR_SIM_CHECKED
  return std::max<size_t>(bytes, 1);
#else
  if (bytes <= 256) return (std::max<size_t>(bytes, 1) + 63) / 64 * 64;
  const size_t quarter = std::bit_floor(bytes - 1) / 4;
  return (bytes + quarter - 1) / quarter * quarter;
#endif
}

thread_local std::shared_ptr<Pool> scoped_pool;

/// Allocates memory of a device, null if there is not enough; and frees it.
void* reserve(Device device, size_t bytes) {
  if (device.kind != Device::Kind::cpu) return runtime(device).allocate(bytes);
  return ::operator new(bytes, alignment, std::nothrow);
}
void give_back(Device device, void* data) noexcept {
  if (device.kind != Device::Kind::cpu) return runtime(device).release(data);
  ::operator delete(data, alignment);
}

/// Free device memory, for error messages; unknown on the CPU and on the simulator.
std::string free_memory(Device device) {
  const auto bytes = device.kind == Device::Kind::cpu ? std::nullopt : runtime(device).free_bytes();
  return bytes ? fmt::format(", {} bytes are free", *bytes) : "";
}

/// The pools that allocations outside of any PoolScope come from, one per device; never destroyed.
struct DevicePools {
  std::mutex mutex;
  std::map<std::pair<Device::Kind, int>, std::shared_ptr<Pool>> pools;
};
DevicePools& device_pools() {
  static auto* const instance = new DevicePools;
  return *instance;
}

}  // namespace

struct Pool::Cache {
  std::mutex mutex;
  std::unordered_map<size_t, std::vector<void*>> free;
};

Pool::Pool(Device device) : device_(device), cache_(std::make_unique<Cache>()) {}

Pool::~Pool() {
  give_back_cached();
}

void Pool::give_back_cached() noexcept {
  std::unordered_map<size_t, std::vector<void*>> taken;
  {
    const std::lock_guard lock(cache_->mutex);
    taken.swap(cache_->free);
  }
  for (const auto& [bytes, buffers] : taken) {
    for (void* buffer : buffers) {
      give_back(device_, buffer);
      counters().cached -= bytes;
    }
  }
}

std::shared_ptr<Storage> Pool::allocate(size_t bytes) {
  const size_t rounded = size_class(bytes);
  void* data = nullptr;
  {
    const std::lock_guard lock(cache_->mutex);
    auto& buffers = cache_->free[rounded];
    if (!buffers.empty()) {
      data = buffers.back();
      buffers.pop_back();
      counters().cached -= rounded;
    }
  }
  if (data == nullptr) data = reserve(device_, rounded);
  if (data == nullptr) {
    clear_cache(device_);
    data = reserve(device_, rounded);
  }
  if (data == nullptr) {
    throw DeviceError(fmt::format("out of memory on {}: {} bytes asked for while {} bytes are held and {} cached{}",
                                  to_string(device_), bytes, counters().live.load(), counters().cached.load(),
                                  free_memory(device_)));
  }
  counters().add(rounded);
  return std::make_shared<Storage>(shared_from_this(), data, rounded, device_);
}

void Pool::release(void* data, size_t bytes) noexcept {
  counters().remove(bytes);
  try {
    const std::lock_guard lock(cache_->mutex);
    cache_->free[bytes].push_back(data);
    counters().cached += bytes;
  } catch (...) {  // no room for the bookkeeping: give the buffer back at once
    give_back(device_, data);
  }
}

Storage::Storage(std::shared_ptr<Pool> owner, void* memory, size_t size, Device where)
    : pool(std::move(owner)), data(memory), bytes(size), device(where) {}

Storage::~Storage() {
  pool->release(data, bytes);
}

MemoryStats memory_stats() {
  const Counters& c = counters();
  return {c.live, c.peak, c.cached, c.buffers};
}

void reset_peak_memory() {
  counters().peak = counters().live.load();
}

std::shared_ptr<Pool> current_pool(Device device) {
  if (scoped_pool && scoped_pool->device() == device) return scoped_pool;
  DevicePools& own = device_pools();
  const std::lock_guard lock(own.mutex);
  auto& pool = own.pools[{device.kind, device.index}];
  if (!pool) {
    if (device.kind != Device::Kind::cpu) runtime(device);  // throws where there is none
    pool = std::make_shared<Pool>(device);
  }
  return pool;
}

void clear_cache(Device device) {
  std::shared_ptr<Pool> pool;
  {
    DevicePools& own = device_pools();
    const std::lock_guard lock(own.mutex);
    const auto found = own.pools.find({device.kind, device.index});
    if (found == own.pools.end()) return;
    pool = found->second;
  }
  pool->give_back_cached();
}

PoolScope::PoolScope(std::shared_ptr<Pool> pool) : previous_(std::exchange(scoped_pool, std::move(pool))) {}

PoolScope::~PoolScope() {
  scoped_pool = std::move(previous_);
}

}  // namespace kantor
