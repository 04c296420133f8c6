// What a list of layers needs, found without building it.
#pragma once

#include "engine/shape.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

namespace kantor {

struct NetworkNeeds {
  int64_t parameters = 0;      // numbers
  int64_t activations = 0;     // numbers that the layers give for one sample, all layers together
  int64_t smallest_batch = 1;  // 2 if batch norm would see one value per channel of a single sample
};

/// Accepts and refuses the same `layers` and `sample` as Network.
NetworkNeeds network_needs(const nlohmann::json& layers, const Shape& sample);

}  // namespace kantor
