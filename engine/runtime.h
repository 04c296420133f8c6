// Runtime: what the engine needs from a device that runs kernels, `cuda` or `sim`: memory, copies, a stream, capture.
// The CPU needs none: it runs Eigen on the host's memory.
#pragma once

#include "engine/device.h"
#include "kernels/launcher.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace kantor {

/// Recorded work of a device, launched as one.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void launch() = 0;
  /// Kernels and copies in it.
  [[nodiscard]] virtual int64_t launches() const = 0;
};

/// Marks of one measurement on a device.
class DeviceClock {
 public:
  virtual ~DeviceClock() = default;
  /// Marks this place in the stream.
  virtual void start() = 0;
  /// Waits for the work since the mark, and returns the seconds that it took the device.
  virtual double stop() = 0;
};
/// A place in a device's stream that the host can wait for.
class DeviceMark {
 public:
  virtual ~DeviceMark() = default;
  /// Moves the mark behind the work that the device has been given.
  virtual void set() = 0;
  /// Waits for the work before the mark, and throws its errors; does nothing if it was never set.
  virtual void wait() = 0;
};

/// The host's clock, for devices whose work is done when its launch returns.
std::unique_ptr<DeviceClock> steady_clock();

/// What the kernels of products, and those that train, are planned for.
struct Processor {
  int multiprocessors;
  bool tensor_cores;    // and the kernels that run here were compiled for them
  bool warpgroups;      // the same of products of warpgroups (wgmma)
  size_t shared_bytes;  // of shared memory that a block may have
  unsigned* arrived;    // most_counters counters of blocks, which are 0 between launches; see kernels/products
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  [[nodiscard]] virtual Backend backend() const = 0;
  /// The one stream that the engine's work on this device runs in, in order.
  [[nodiscard]] virtual Stream stream() const = 0;
  [[nodiscard]] virtual Processor processor() = 0;
  /// Device memory of at least 256-byte alignment; null where there is not enough.
  virtual void* allocate(size_t bytes) noexcept = 0;
  virtual void release(void* data) noexcept = 0;
  /// Bytes that allocate can still provide; nullopt if the device does not say.
  [[nodiscard]] virtual std::optional<size_t> free_bytes() const = 0;
  /// Copies in stream order. To and from the host they return when the host's side is done.
  virtual void copy_in(void* device, const void* host, size_t bytes) = 0;
  virtual void copy_out(void* host, const void* device, size_t bytes) = 0;
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  /// Host memory that copies need not wait for: page-locked on a GPU. Null where there is not enough.
  virtual void* allocate_host(size_t bytes) noexcept = 0;
  virtual void release_host(void* data) noexcept = 0;
  /// Copies in stream order that return at once. `host` is memory of allocate_host. Until a mark behind the copy has
  /// been waited for, the host does not write where it reads, and finds nothing where it writes.
  virtual void start_copy_in(void* device, const void* host, size_t bytes) = 0;
  virtual void start_copy_out(void* host, const void* device, size_t bytes) = 0;
  [[nodiscard]] virtual std::unique_ptr<DeviceMark> make_mark() = 0;
  /// Waits for all work, and throws its errors.
  virtual void synchronize() = 0;
  [[nodiscard]] virtual std::unique_ptr<DeviceClock> make_clock() = 0;
  /// Between the two, launches and copies on the stream are recorded instead of run. Call them through CaptureScope.
  virtual void begin_capture() = 0;
  virtual std::unique_ptr<DeviceGraph> end_capture() = 0;
  /// Discards the recording and lets the stream run again; does nothing if there is no capture.
  virtual void abandon_capture() noexcept = 0;
};

/// A capture that ends with its scope: by `end`, or abandoned where something was thrown before.
class CaptureScope {
 public:
  explicit CaptureScope(Runtime& runtime) : runtime_(runtime) { runtime_.begin_capture(); }
  ~CaptureScope() {
    if (!ended_) runtime_.abandon_capture();
  }
  CaptureScope(const CaptureScope&) = delete;
  CaptureScope& operator=(const CaptureScope&) = delete;

  [[nodiscard]] std::unique_ptr<DeviceGraph> end() {
    std::unique_ptr<DeviceGraph> graph = runtime_.end_capture();
    ended_ = true;
    return graph;
  }

 private:
  Runtime& runtime_;
  bool ended_ = false;
};

/// The runtime of a device. Throws DeviceError with the reason where it does not work, and for `cpu`.
Runtime& runtime(Device device);

/// "" if the backend's devices work here, otherwise the reason. Each backend that is built defines it in its folder.
std::string why_no_cuda(int index);
std::string cuda_hardware(int index);
Runtime& cuda_runtime(int index);
Runtime& sim_runtime();
/// Replaces the runtime of `sim`, for tests that watch it or make it fail; null restores its own.
void set_sim_runtime(Runtime* runtime);

}  // namespace kantor
