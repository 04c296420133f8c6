// The device that a command's --device names.
#pragma once

#include "engine/device.h"

#include <string>

namespace kantor {

/// Calls find_device. For "auto" it says on stderr which device that is and why, unless `quiet`. Throws DeviceError.
Device choose_device(const std::string& name, bool quiet);

}  // namespace kantor
