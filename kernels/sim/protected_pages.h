// Pages that only the simulator's kernels and copies reach: a fault tells of host code that touches them.
#pragma once

#include <cstddef>
#include <map>

namespace kantor::sim {

/// Not thread-safe: its owner locks. One lives in a process, for ever.
class ProtectedPages {
 public:
  /// Reserves addresses, closed. Where the system gives none nothing can be allocated.
  ProtectedPages();
  ProtectedPages(const ProtectedPages&) = delete;
  ProtectedPages& operator=(const ProtectedPages&) = delete;

  /// Memory of 256-byte alignment, null where there is not enough.
  void* allocate(size_t bytes);
  void release(void* data, size_t bytes);
  /// Whether all of it can be reached; of the buffers in it nothing need be known.
  void open(bool on, const std::map<const void*, size_t>& buffers);

 private:
  std::byte* begin_ = nullptr;
  size_t reserved_ = 0, top_ = 0;  // bytes; those that were ever in use, from the start
  bool is_open_ = false;
  std::map<size_t, size_t> free_;  // offset and bytes; neighbours are one
};

}  // namespace kantor::sim
