#include "models/training/memory.h"

#include "models/nn/needs.h"
#include "models/training/evaluation.h"
#include "models/training/trainer.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace kantor {
namespace {

/// The number that a file holds; INT64_MAX where it holds none ("max").
int64_t number_in(const char* path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : INT64_MAX;
}

/// MemAvailable of the host.
int64_t host_available() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("MemAvailable:")) continue;
    const size_t begin = line.find_first_of("0123456789");
    int64_t kilobytes = 0;
    if (begin != std::string::npos &&
        std::from_chars(line.data() + begin, line.data() + line.size(), kilobytes).ec == std::errc()) {
      return kilobytes * 1024;
    }
  }
  return INT64_MAX;
}

/// What the control group of a container leaves.
int64_t group_available() {
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max");
  const int64_t used = number_in("/sys/fs/cgroup/memory.current");
  return limit == INT64_MAX || used == INT64_MAX ? INT64_MAX : std::max<int64_t>(0, limit - used);
}

int64_t moments(const NetworkConfig& net) {
  return net.optimizer == "adam" ? 2 : net.optimizer == "rmsprop" ? 1 : 0;
}

double gigabytes(int64_t bytes) {
  return static_cast<double>(bytes) / 1e9;
}

}  // namespace

int64_t available_memory() {
  return std::min(host_available(), group_available());
}

int64_t training_bytes(const RunConfig& config, const Shape& sample) {
  const NetworkNeeds generator = network_needs(generator_layers(config, sample), {config.z});
  const NetworkNeeds critic = network_needs(critic_layers(config, sample), sample);
  // The generator: weights, those sampled from, their average, gradients, moments; and a step's new gradients.
  const int64_t weights =
      generator.parameters * (5 + moments(config.generator)) + critic.parameters * (3 + moments(config.critic));
  // Real and fake samples of all critic updates; layers of an update's two halves, their gradients, and those of a
  // penalty.
  const int64_t batches =
      config.batch * (2 * config.critic_steps * sample.size() + 6 * critic.activations + 3 * generator.activations);
  const int64_t evaluation = probe_count(sample) * (6 * sample.size() + 3 * critic.activations);
  return 4 * (weights + std::max(batches, evaluation));
}

void check_memory(const RunConfig& config, const Dataset& data, Device device) {
  const int64_t available = available_memory();
  const int64_t training = training_bytes(config, data.sample_shape());
  if (device.kind != Device::Kind::cuda && training > available) {
    throw ConfigError(
        fmt::format("networks for samples {} with train.batch = {} take about {:.1f} GB, and {:.1f} GB are free: lower "
                    "generator.width and critic.width (mlp) or dim (dcgan), or train.batch, or scale the images",
                    to_string(data.sample_shape()), config.batch, gigabytes(training), gigabytes(available)));
  }
}

}  // namespace kantor
