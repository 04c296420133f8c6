#include "models/training/memory.h"

#include "kernels/host/available_memory.h"
#include "models/nn/needs.h"
#include "models/training/evaluation.h"
#include "models/training/networks.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

double gigabytes(int64_t bytes) {
  return static_cast<double>(bytes) / 1e9;
}

}  // namespace

int64_t training_bytes(const RunConfig& config, const Shape& sample) {
  const NetworkNeeds generator = network_needs(generator_layers(config, sample), {config.z});
  const NetworkNeeds critic = network_needs(critic_layers(config, sample), sample);
  // The generator: weights, those sampled from, their average, gradients, the optimizer's arrays; and a step's new
  // gradients.
  const int64_t weights = generator.parameters * (5 + optimizer_state_arrays(config.generator.optimizer)) +
                          critic.parameters * (3 + optimizer_state_arrays(config.critic.optimizer));
  // Real and fake samples of all critic updates; layers of an update's two halves, their gradients, and those of a
  // penalty.
  const int64_t batches =
      config.batch * (2 * config.critic_steps * sample.size() + 6 * critic.activations + 3 * generator.activations);
  const int64_t evaluation = probe_count(sample) * (6 * sample.size() + 3 * critic.activations);
  return 4 * (weights + std::max(batches, evaluation));
}

void check_memory(const RunConfig& config, const Dataset& data, Device device) {
  const int64_t available = host::available_memory();
  const int64_t training = training_bytes(config, data.sample_shape());
  if (device.kind != Device::Kind::cuda && training > available) {
    throw ConfigError(
        fmt::format("networks for samples {} with train.batch = {} take about {:.1f} GB, and {:.1f} GB are free: lower "
                    "generator.width and critic.width (mlp) or dim (dcgan), or train.batch, or scale the images",
                    to_string(data.sample_shape()), config.batch, gigabytes(training), gigabytes(available)));
  }
}

size_t runs_in_memory(const RunConfig& config) {
  constexpr int64_t process = 200'000'000;  // the program with its libraries
  const DatasetPtr data = open_dataset(config.data);
  const Shape sample = data->sample_shape();
  const int64_t samples = 4 * std::max<int64_t>(0, data->size()) * sample.size();
  const int64_t each = process + samples + training_bytes(config, sample);
  return static_cast<size_t>(std::max<int64_t>(1, host::available_memory() / each));
}

}  // namespace kantor
