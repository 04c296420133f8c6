// What a run was made with: versions, device, processor. For env.json and `kantor doctor`.
#pragma once

#include "engine/device.h"

#include <nlohmann/json_fwd.hpp>

namespace kantor {

/// version, compiler, device, threads, processor, instruction set, libraries, and the devices that do not work with
/// why.
nlohmann::json describe_environment(Device device);

}  // namespace kantor
