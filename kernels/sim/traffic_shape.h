// Another call to the counter of memory traffic (kernels/sim/traffic.h), by the scheduler alone: kernels need not see
// it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kantor::sim::traffic {

#ifdef KANTOR_SIM_RACES
/// Of the launch that has begun: blocks, threads of a block, and bytes of dynamic shared memory.
void launch_has(uint64_t blocks, int threads, size_t shared_bytes);
#else
inline void launch_has(uint64_t, int, size_t) {}
#endif

}  // namespace kantor::sim::traffic
