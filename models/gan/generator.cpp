#include "models/gan/generator.h"

#include "engine/in_place.h"

#include <nlohmann/json.hpp>

namespace kantor {

Generator::Generator(const nlohmann::json& layers, int64_t latent, const GeneratorOptions& options)
    : ema_decay_(options.ema_decay),
      trainable_("generator", Network(layers, {latent}, options.network), options.optimizer),
      sampler_(layers, {latent}, options.network),
      average_(network().parameters().like()) {
  average_.flat().copy_from(network().parameters().flat());
}

Tensor Generator::update(const Critic& critic, const Tensor& z, const Tensor& real) {
  const Tensor loss = generator_loss(critic.network(), network()(z), critic.loss_function(), real);
  trainable_.descend(loss);
  blend(average_.flat(), network().parameters().flat(), ema_decay_, 1 - ema_decay_);
  return loss;
}

const Network& Generator::sampler() const {
  sampler_.parameters().flat().copy_from(ema_decay_ > 0 ? average_.flat() : network().parameters().flat());
  if (network().has_batch_norm()) sampler_.buffers().flat().copy_from(network().buffers().flat());
  return sampler_;
}

}  // namespace kantor
