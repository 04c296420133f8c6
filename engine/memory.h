// Memory: buffers of 64-byte alignment from a caching pool. A freed buffer returns to its pool and serves the next
// request of its size class. A captured step owns a pool of its own, so that its buffers stay fixed between replays.
#pragma once

#include "engine/device.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace kantor {

class Pool;

/// One buffer. `version` counts the writes in place, so that a derivative can tell when a value it needs is gone.
struct Storage {
  Storage(std::shared_ptr<Pool> pool, void* data, size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::shared_ptr<Pool> pool;
  void* data;
  size_t bytes;
  Device device;
  uint64_t version = 0;
};

/// A caching allocator of one device.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  explicit Pool(Device device);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A buffer of at least `bytes`, with unspecified contents. If the device is full, first frees what its own pool has
  /// cached. Throws DeviceError naming the bytes requested and held.
  std::shared_ptr<Storage> allocate(size_t bytes);
  [[nodiscard]] Device device() const { return device_; }

 private:
  friend struct Storage;
  friend void clear_cache(Device device);
  void release(void* data, size_t bytes) noexcept;
  void give_back_cached() noexcept;
  struct Cache;
  Device device_;
  std::unique_ptr<Cache> cache_;
};

/// Bytes in tensors and in caches.
struct MemoryStats {
  size_t live_bytes = 0;    // in buffers that tensors hold
  size_t peak_bytes = 0;    // largest live_bytes since the last reset
  size_t cached_bytes = 0;  // freed, kept for the next request
  int64_t live_buffers = 0;
};
/// The current numbers; the second function sets `peak_bytes` back to the live bytes.
MemoryStats memory_stats();
void reset_peak_memory();

/// Frees what the device's own pool has cached. `allocate` does so before it reports that memory is out.
/// Pools of captured steps keep what they have: their replays use it, though no tensor does.
void clear_cache(Device device);

/// The pool that allocations of this thread come from: the device's own, or the innermost PoolScope's.
std::shared_ptr<Pool> current_pool(Device device);

/// While it lives, allocations of this thread on the pool's device come from that pool.
class PoolScope {
 public:
  explicit PoolScope(std::shared_ptr<Pool> pool);
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  std::shared_ptr<Pool> previous_;
};

}  // namespace kantor
