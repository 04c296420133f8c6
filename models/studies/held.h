// A critic whose generator is held fixed at data + N(0, I): the setting of several studies (Gulrajani et al. 2017,
// figure 1).
#pragma once

#include "models/data/derived.h"
#include "models/training/critic_trainer.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {

struct HeldGenerator {
  std::unique_ptr<Dataset> real, fake;

  explicit HeldGenerator(const DataConfig& data) : real(open_dataset(data)), fake(with_noise(*real, 1)) {}
  [[nodiscard]] CriticTrainer trainer(const RunConfig& config, Device device) const {
    return {config, critic_layers(config, real->sample_shape()), *real, *fake, device};
  }
  /// `count` samples for measuring, apart from those that are trained on.
  [[nodiscard]] static Tensor draw(const Dataset& data, int64_t seed, int64_t count, TensorOptions options) {
    return from_host(data.draw(static_cast<uint64_t>(seed), stream_evaluation_data, 0, count), data.batch_shape(count),
                     options);
  }
};

}  // namespace kantor
