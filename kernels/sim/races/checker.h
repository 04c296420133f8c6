// The race checker: sees each access of each thread and decides whether it is ordered after the earlier ones.
#pragma once

#include "kernels/sim/races/access.h"

namespace kantor::sim::races {

/// Checks an access to [address, address + bytes) by the running thread; does nothing outside of a kernel. Fails the
/// launch if it races with an earlier one.
void access(const volatile void* address, size_t bytes, Kind kind, const void* pc);

}  // namespace kantor::sim::races
