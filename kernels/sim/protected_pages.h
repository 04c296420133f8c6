// Pages that only the simulator's kernels and copies can access: host code that touches them causes a reported fault.
#pragma once

#include <cstddef>
#include <map>

namespace kantor::sim {

/// Not thread-safe: its owner locks. A process has one, which is never destroyed.
class ProtectedPages {
 public:
  /// Reserves closed addresses. If the system provides none, nothing can be allocated.
  ProtectedPages();
  ProtectedPages(const ProtectedPages&) = delete;
  ProtectedPages& operator=(const ProtectedPages&) = delete;

  /// Memory with 256-byte alignment; null if there is not enough.
  void* allocate(size_t bytes);
  void release(void* data, size_t bytes);
  /// Makes all of it accessible, or not. The list of buffers is not needed here.
  void open(bool on, const std::map<const void*, size_t>& buffers);

 private:
  std::byte* begin_ = nullptr;
  size_t reserved_ = 0, top_ = 0;  // bytes reserved; end of the part that was ever in use
  bool is_open_ = false;
  std::map<size_t, size_t> free_;  // offset and bytes; adjacent gaps are merged
};

}  // namespace kantor::sim
