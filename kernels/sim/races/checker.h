// The race checker: sees each access of each thread and decides whether it is ordered after the earlier ones. While
// traffic is counted (kernels/sim/traffic), the counter gets the accesses instead.
#pragma once

#include "kernels/sim/races/access.h"

#include <cstddef>
#include <cstdint>

namespace kantor::sim::races {

/// Checks or counts an access to [address, address + bytes) by the running thread; does nothing outside of a kernel.
/// Fails the launch if it races with an earlier one.
void access(const volatile void* address, size_t bytes, Kind kind, const void* pc);
/// Where the array in global memory, or the block's dynamic shared memory, begins that holds the address; 0 for static
/// shared memory, whose arrays are not known one by one.
uintptr_t array_of(uintptr_t address);
/// Whether a kernel's own code runs.
bool watching();

}  // namespace kantor::sim::races
