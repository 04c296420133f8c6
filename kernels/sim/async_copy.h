// Asynchronous copies to shared memory, as kernels/ptx.h names them. On a GPU a copy lands at some time between its
// start and the wait for its group. Here it lands at the latest time where threads run forwards, at the earliest where
// they run in reverse, and at one or the other by chance in random order: a wait too few reads what was there before,
// and a stage that is filled too early loses what others still read.
#pragma once

#include "kernels/sim/runtime.h"
#include "kernels/sim/traffic.h"

#include <cstdint>

namespace kantor::sim {

/// A copy that has not landed.
struct AsyncCopy {
  float* to;
  const float* from;
  int count;  // of floats
  bool inside;
};
/// Whether a copy that starts now lands at once.
bool lands_at_once();
void defer_copy(const AsyncCopy& copy);
void commit_copies();
/// Takes the running thread's oldest copy whose group is not among the `pending` last ones. Returns whether there was
/// one.
bool next_landing(int pending, AsyncCopy& copy);

struct SharedFloats {
  float* address;
  explicit SharedFloats(float* p) : address(p) {}
  SharedFloats operator+(int floats) const { return SharedFloats(address + floats); }
  [[nodiscard]] SharedFloats aligned(unsigned bytes) const {
    const auto at = reinterpret_cast<uintptr_t>(address);
    return SharedFloats(address + (bytes - at % bytes) % bytes / sizeof(float));
  }
};

// The accesses stand in this header, so that the checkers that watch a kernel's accesses see them.
inline void land(const AsyncCopy& copy) {
  const traffic::Unseen unseen;
  for (int i = 0; i < copy.count; ++i) copy.to[i] = copy.inside ? copy.from[i] : 0.0F;
}
template <int count>
void copy_async(SharedFloats to, const float* from, bool inside, Site site = Site::here()) {
  static_assert(count == 1 || count == 4);
  constexpr uintptr_t bytes = count * sizeof(float);
  if (reinterpret_cast<uintptr_t>(to.address) % bytes != 0 || reinterpret_cast<uintptr_t>(from) % bytes != 0) {
    fail("copy_async at %s:%d copies %d bytes from %p to %p: both addresses must be multiples of that", site.file,
         site.line, static_cast<int>(bytes), static_cast<const void*>(from), static_cast<void*>(to.address));
  }
  traffic::copy_starts(to.address, from, bytes, inside);
  const AsyncCopy copy{to.address, from, count, inside};
  if (lands_at_once()) {
    land(copy);
  } else {
    defer_copy(copy);
  }
}
template <int pending>
void await_copies() {
  AsyncCopy copy{};
  while (next_landing(pending, copy)) land(copy);
}

}  // namespace kantor::sim
