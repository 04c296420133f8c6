// What the scheduler tells the race checker (kernels/sim/races). Only the checker's own build has one; elsewhere these
// calls are nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kantor::sim::races {

#ifdef KANTOR_SIM_RACES
/// Device memory, from where to where it is watched.
void memory_begins(void* data, size_t bytes);
void memory_ends(void* data);

void launch_begins();
/// Block number `block` of the launch begins, with its dynamic shared memory.
void block_begins(uint64_t block, void* dynamic_shared, size_t bytes);
/// All its threads have returned. Tells of a read of shared memory that nobody had written, else "".
std::string block_ends();

/// Whether accesses count: those of a kernel's own code. Gives what was so before.
bool set_watching(bool on);

/// Every thread of the block has come to a barrier.
void barrier();
/// These lanes of the warp have met in __syncwarp.
void warp_barrier(int warp, uint32_t lanes);

/// While a kernel's code has called the scheduler. Templates of the standard library that both use may be compiled with
/// the kernels, and then call the checker too.
class Pause {
 public:
  Pause() : before_(set_watching(false)) {}
  ~Pause() { set_watching(before_); }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  bool before_;
};
#else
struct Pause {
  Pause() {}
  ~Pause() {}
};
inline void memory_begins(void*, size_t) {}
inline void memory_ends(void*) {}
inline void launch_begins() {}
inline void block_begins(uint64_t, void*, size_t) {}
inline std::string block_ends() {
  return {};
}
inline bool set_watching(bool) {
  return false;
}
inline void barrier() {}
inline void warp_barrier(int, uint32_t) {}
#endif

}  // namespace kantor::sim::races
