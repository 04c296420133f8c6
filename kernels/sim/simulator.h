// The host's interface to the simulator: the order in which threads run, device memory, capture and replay.
#pragma once

#include "kernels/launcher.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace kantor::sim {

/// The order in which the threads of a block take their turns. A kernel without a race gives the same bits in all.
enum class Order : uint8_t { forward, reverse, random };
void set_order(Order order, uint64_t seed = 0);

/// Device memory, filled with NaN. Host code that touches it ends the program, after a line that says so and the calls
/// that led there; under AddressSanitizer it is of the exact size, so that the byte behind it is seen. Null where there
/// is not enough.
void* device_malloc(size_t bytes) noexcept;
void device_free(void* data) noexcept;
/// Copies in stream order. The first two are between host and device and are not allowed in a capture.
void copy_in(void* device, const void* host, size_t bytes);
void copy_out(void* host, const void* device, size_t bytes);
void copy(void* to, const void* from, size_t bytes, Stream stream);

/// Recorded launches and copies.
class Graph {
 public:
  struct Node;
  void launch() const;
  /// Kernels and copies in it.
  [[nodiscard]] int64_t launches() const;

 private:
  friend Graph end_capture();
  std::shared_ptr<const std::vector<Node>> nodes_;
};
/// Between the two, this thread's launches and copies are recorded instead of run.
void begin_capture();
Graph end_capture();
/// Discards this thread's recording, if there is one.
void abandon_capture() noexcept;

}  // namespace kantor::sim
