// Memory of a training, estimated before it begins: a refusal with figures instead of being killed by the system.
#pragma once

#include "models/data/dataset.h"
#include "models/training/config.h"

#include <cstddef>
#include <cstdint>

namespace kantor {

/// About how many bytes the weights with their optimizer state, and one step, take on the device.
int64_t training_bytes(const RunConfig& config, const Shape& sample);

/// Throws ConfigError if the training runs on the host and takes more memory than there is.
void check_memory(const RunConfig& config, const Dataset& data, Device device);

/// How many trainings of this configuration fit into the host's free memory side by side, at least 1; each is a
/// process, which takes some memory of its own.
size_t runs_in_memory(const RunConfig& config);

}  // namespace kantor
