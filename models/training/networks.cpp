#include "models/training/networks.h"

#include "models/nn/architectures.h"
#include "models/nn/needs.h"
#include "models/training/random_streams.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

using nlohmann::json;

DcganSpec dcgan_spec(const RunConfig& config, const NetworkConfig& net, const Shape& sample) {
  if (sample.rank() != 3 || sample[1] != sample[2]) {
    throw ConfigError(
        fmt::format("network = dcgan: the data's samples are {}, expected square images", to_string(sample)));
  }
  return {sample[1], sample[0], net.dim, config.z, net.norm};
}

/// The layers of `build`. Throws ConfigError for an image that it does not accept.
json dcgan_layers(json (*build)(const DcganSpec&), const DcganSpec& spec) {
  try {
    return build(spec);
  } catch (const ShapeError& error) {
    throw ConfigError(
        fmt::format("{}; convert the images, or take the network that fits any: --set generator.network=mlp --set "
                    "critic.network=mlp",
                    error.what()));
  }
}

MlpSpec mlp_spec(const NetworkConfig& net, int64_t in, int64_t out) {
  return {in, out, net.width, static_cast<int>(net.depth), net.activation, net.norm};
}

/// The critic's layers before the constraint changes them.
json plain_critic_layers(const RunConfig& config, const Shape& sample) {
  if (config.critic.network == "dcgan") return dcgan_layers(dcgan_critic, dcgan_spec(config, config.critic, sample));
  if (config.critic.network == "rnn") {
    if (sample.rank() != 2) {
      throw ConfigError(
          fmt::format("critic.network = rnn: the data's samples are {}, expected sequences [T, D]", to_string(sample)));
    }
    return rnn_critic(sample[1], config.critic.width);
  }
  json layers = mlp(mlp_spec(config.critic, sample.size(), 1));
  if (sample.rank() > 1) layers.insert(layers.begin(), json{{"type", "flatten"}});
  return layers;
}

/// Batch norm of one value has variance 0: its output would be beta for every input.
void check_batch_norm(const std::string& section, const NetworkConfig& net, int64_t batch, const NetworkNeeds& needs) {
  if (batch >= needs.smallest_batch) return;
  throw ConfigError(fmt::format(
      "{0}.norm = {1} with train.batch = {2}: batch norm would take mean and variance of one value a channel; expected "
      "train.batch of at least {3}, or {0}.norm = none",
      section, net.norm, batch, needs.smallest_batch));
}

}  // namespace

NetworkOptions network_options(const RunConfig& config, const NetworkConfig& net, uint32_t stream, Device device) {
  NetworkOptions options;
  options.tensor.device = device;
  options.initialization = parse_initialization(net.initialization);
  options.uniform_bound = config.constraint.clip;
  options.seed = static_cast<uint64_t>(config.seed);
  options.stream = stream;
  return options;
}

json critic_layers(const RunConfig& config, const Shape& sample) {
  return make_constraint(config.constraint)->layers(plain_critic_layers(config, sample));
}

json generator_layers(const RunConfig& config, const Shape& sample) {
  if (config.generator.network == "dcgan")
    return dcgan_layers(dcgan_generator, dcgan_spec(config, config.generator, sample));
  json layers = mlp(mlp_spec(config.generator, config.z, sample.size()));
  if (sample.rank() == 3) layers.push_back({{"type", "sigmoid"}});  // pixels lie in [0, 1]
  if (sample.rank() > 1) layers.push_back({{"type", "reshape"}, {"shape", sample.to_vector()}});
  return layers;
}

CriticOptions critic_options(const RunConfig& config, Device device) {
  return {config.constraint, config.critic.optimizer_config(), config.loss,
          network_options(config, config.critic, stream_critic_weights, device)};
}

GeneratorOptions generator_options(const RunConfig& config, Device device) {
  return {config.generator.optimizer_config(), config.ema_decay,
          network_options(config, config.generator, stream_generator_weights, device)};
}

void check_trainable(const RunConfig& config, const Dataset& data) {
  validate(config);
  check_batch(data, config.batch);
  const Shape sample = data.sample_shape();
  check_batch_norm("generator", config.generator, config.batch,
                   network_needs(generator_layers(config, sample), Shape{config.z}));
  check_batch_norm("critic", config.critic, config.batch, network_needs(critic_layers(config, sample), sample));
}

}  // namespace kantor
