// What the tests ask of a version of the ladder, for every build that runs them, and for the planted mistakes that they
// must find. Each returns what is wrong, or "".
#pragma once

#include "engine/device.h"
#include "kernels/ladder/call.h"

#include <string>
#include <vector>

namespace kantor::testing {

/// Runs the version twice, since it may not rest on what memory held before the first run, and compares with the
/// reference. What the simulator refuses or its race checker reports is a finding too.
std::string wrong_values(ladder::Call& call, const ladder::Rung& rung, Device device);

/// Runs a version of the simulator in three orders of threads and compares the bits.
std::string differing_bits(ladder::Call& call, const ladder::Rung& rung);

}  // namespace kantor::testing
