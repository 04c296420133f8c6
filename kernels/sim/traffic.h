// Calls to the counter of memory traffic (kernels/sim/traffic), by the scheduler, and by the instructions that the
// compiler does not see as one access. Only the race checker's build has the counter; elsewhere these calls do nothing.
#pragma once

#include <cstddef>
#include <string_view>

namespace kantor::sim::traffic {

#ifdef KANTOR_SIM_RACES
void launch_begins(std::string_view kernel);
/// A block of that many threads begins; all its threads have returned.
void block_begins(int threads);
void block_ends();
/// Every thread of the block has reached a barrier.
void barrier();

/// The running thread's part of one instruction: the row of a matrix that it reads from shared memory; its asynchronous
/// copy to shared memory, which reads nothing where it writes zeros.
void row_is_read(const void* row, size_t bytes);
void copy_starts(const void* to, const void* from, size_t bytes, bool reads);

/// While one exists, accesses are not counted: those that an instruction is made of here, and that was counted whole.
class Unseen {
 public:
  Unseen();
  ~Unseen();
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  bool before_;
};
#else
struct Unseen {
  Unseen() {}
  ~Unseen() {}
};
inline void launch_begins(std::string_view) {}
inline void block_begins(int) {}
inline void block_ends() {}
inline void barrier() {}
inline void row_is_read(const void*, size_t) {}
inline void copy_starts(const void*, const void*, size_t, bool) {}
#endif

}  // namespace kantor::sim::traffic
