// Networks: what a configuration asks for, as layer lists and options.
#pragma once

#include "models/data/dataset.h"
#include "models/gan/critic.h"
#include "models/gan/generator.h"
#include "models/training/config.h"

#include <nlohmann/json_fwd.hpp>

namespace kantor {

/// The networks as layer lists; the critic's as its constraint wants it. `sample` is the data's sample shape. Throws
/// ConfigError where they do not fit.
nlohmann::json critic_layers(const RunConfig& config, const Shape& sample);
nlohmann::json generator_layers(const RunConfig& config, const Shape& sample);

/// How a network of a configuration starts.
NetworkOptions network_options(const RunConfig& config, const NetworkConfig& net, uint32_t stream, Device device);
CriticOptions critic_options(const RunConfig& config, Device device);
GeneratorOptions generator_options(const RunConfig& config, Device device);

/// Throws ConfigError or FileError if a training cannot begin: settings that do not fit each other or the
/// data, batch norm that would see one value a channel, fewer samples than one batch.
void check_trainable(const RunConfig& config, const Dataset& data);

}  // namespace kantor
