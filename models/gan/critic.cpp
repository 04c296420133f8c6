#include "models/gan/critic.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kantor {
namespace {

TrainableNetwork make_trainable(const Constraint& constraint, const nlohmann::json& layers, const Shape& sample,
                                const CriticOptions& options) {
  Network network(constraint.layers(layers), sample, options.network);
  std::vector<double> bounds = constraint.bounds(network);
  return {"critic", std::move(network), options.optimizer, std::move(bounds)};
}

}  // namespace

Critic::Critic(const nlohmann::json& layers, const Shape& sample, const CriticOptions& options)
    : constraint_(make_constraint(options.constraint)),
      loss_(find_loss(options.loss)),
      trainable_(make_trainable(*constraint_, layers, sample, options)) {}

CriticLoss Critic::loss(const CriticBatch& batch) const {
  return critic_loss(network(), *constraint_, batch, loss_);
}

CriticLoss Critic::update(const CriticBatch& batch) {
  CriticLoss result = loss(batch);
  trainable_.descend(result.loss);
  return result;
}

}  // namespace kantor
