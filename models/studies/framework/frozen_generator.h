// A critic whose generator is frozen: its samples are data + N(0, I). The setting of several studies (Gulrajani et al.
// 2017, figure 1).
#pragma once

#include "models/data/derived.h"
#include "models/data/open_dataset.h"
#include "models/training/critic_trainer.h"
#include "models/training/networks.h"
#include "models/training/random_streams.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>

namespace kantor {

struct FrozenGenerator {
  DatasetPtr real, fake;

  explicit FrozenGenerator(const DataConfig& data) : real(open_dataset(data)), fake(with_noise(real, 1)) {}
  [[nodiscard]] CriticTrainer trainer(const RunConfig& config, Device device) const {
    return {config, critic_layers(config, real->sample_shape()), real, fake, device};
  }
};

/// `count` samples for measuring, separate from the training samples.
inline Tensor evaluation_samples(const Dataset& data, int64_t seed, int64_t count, TensorOptions options) {
  return from_host(data.draw(static_cast<uint64_t>(seed), stream_evaluation_data, 0, count), data.batch_shape(count),
                   options);
}

}  // namespace kantor
