// Memory of a training, estimated before it begins: a refusal with figures instead of an end by the system.
#pragma once

#include "models/data/dataset.h"
#include "models/training/config.h"

#include <cstdint>

namespace kantor {

/// About how many bytes the weights with their optimizer state, and one step, take on the device.
int64_t training_bytes(const RunConfig& config, const Shape& sample);

/// Throws ConfigError where the training takes more than there is on the host, if it runs there.
void check_memory(const RunConfig& config, const Dataset& data, Device device);

}  // namespace kantor
