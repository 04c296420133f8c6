// The device that a command's --device names.
#pragma once

#include "engine/device.h"

#include <string>

namespace kantor {

/// find_device; of "auto" it says on stderr which one that is and why, unless `quiet`. Throws DeviceError.
Device choose_device(const std::string& name, bool quiet);

}  // namespace kantor
