// The race checker: sees each access of each thread and tells whether something orders it after the earlier ones.
#pragma once

#include "kernels/sim/races/access.h"

namespace kantor::sim::races {

/// An access of [address, address + bytes) by the running thread; nothing outside of a kernel. Fails the launch where
/// it races with an earlier one.
void access(const volatile void* address, size_t bytes, Kind kind, const void* pc);

}  // namespace kantor::sim::races
