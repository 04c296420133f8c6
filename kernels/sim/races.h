// The scheduler's calls to the race checker (kernels/sim/races). Only the checker's own build has one; elsewhere these
// calls do nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kantor::sim::races {

#ifdef KANTOR_SIM_RACES
/// Begin and end the watching of a buffer of device memory.
void memory_begins(void* data, size_t bytes);
void memory_ends(void* data);

/// Blocks number as they lie in the grid; `cluster` neighbours are a cluster.
void launch_begins(unsigned cluster);
/// Block number `block` of the launch begins, with its dynamic shared memory.
void block_begins(uint64_t block, void* dynamic_shared, size_t bytes);
/// The block goes on, after others of a cooperative launch.
void block_resumes(uint64_t block);
/// All its threads have returned. Returns a report of a read of shared memory that no thread had written, or "".
std::string block_ends();

/// Sets whether accesses count, as those of a kernel's own code do. Returns the previous setting.
bool set_watching(bool on);

/// Every thread of the block has reached a barrier.
void barrier();
/// Every thread of the cluster whose first block has that number has reached a barrier.
void cluster_barrier(uint64_t first);
/// The thread that runs has come to a __threadfence.
void fence();
/// These lanes of the warp have met in __syncwarp.
void warp_barrier(int warp, uint32_t lanes);

/// What an instruction of the running thread, called at `pc`, does to memory that the compiler does not see it touch.
void reads(const void* data, size_t bytes, const void* pc);
void writes(const void* data, size_t bytes, const void* pc);
void changes(const void* data, size_t bytes, const void* pc);  // atomically
/// An asynchronous copy, whose start was a write, has landed: from now on the running thread wrote it.
void lands(const void* data, size_t bytes, const void* pc);

/// Stops watching while a kernel's code is in the scheduler. Templates of the standard library that both use may be
/// compiled with the kernels, and then call the checker too.
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
inline void launch_begins(unsigned) {}
inline void block_begins(uint64_t, void*, size_t) {}
inline void block_resumes(uint64_t) {}
inline std::string block_ends() {
  return {};
}
inline bool set_watching(bool) {
  return false;
}
inline void barrier() {}
inline void cluster_barrier(uint64_t) {}
inline void fence() {}
inline void warp_barrier(int, uint32_t) {}
inline void reads(const void*, size_t, const void*) {}
inline void writes(const void*, size_t, const void*) {}
inline void changes(const void*, size_t, const void*) {}
inline void lands(const void*, size_t, const void*) {}
#endif

}  // namespace kantor::sim::races
