#include "tools/lab/engine/rehearsal.h"

#include "engine/autograd.h"
#include "engine/in_place.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kantor::lab {
namespace {

void copy(const Arena& from, const Arena& to) {
  if (from.rows().empty()) return;
  to.flat().copy_from(from.flat());
}

Network copy_of(const Network& network) {
  Network copied(network.description(), network.sample_shape(), {network.options()});
  copy(network.parameters(), copied.parameters());
  copy(network.buffers(), copied.buffers());
  return copied;
}

/// An optimizer of the same rule and state over other parameters, without bounds: the update before the clip.
Optimizer copy_of(const Optimizer& optimizer, const Arena& parameters) {
  Optimizer copied(optimizer.config(), parameters);
  for (size_t i = 0; i < optimizer.state().size(); ++i) copy(optimizer.state()[i].second, copied.state()[i].second);
  copied.step().copy_from(optimizer.step());
  return copied;
}

std::vector<Tensor> values_of(const Arena& arena) {
  std::vector<Tensor> values;
  for (const Tensor& tensor : arena.tensors()) values.push_back(tensor.to(tensor.dtype()));
  return values;
}

}  // namespace

Rehearsal rehearse(const Trainer& trainer, const CriticBatch& batch) {
  const Critic& critic = trainer.critic();
  Rehearsal r{copy_of(critic.network()), {}, {}, {}, critic.network().parameters().like(), {}, {}, {}, {}, 0};
  const std::vector<Tensor>& weights = r.network.parameters().tensors();
  r.before = values_of(r.network.parameters());
  r.loss = critic_loss(r.network, critic.constraint(), batch, critic.loss_function());
  const bool penalised = r.loss.term.value.defined();
  store_gradients(grad(r.loss.loss, weights), r.gradients);
  if (penalised) {
    r.term_gradients = grad(r.loss.term.value, weights);
    r.score_gradients = grad(r.loss.loss - r.loss.term.value, weights);
  } else {
    r.term_gradients.resize(weights.size());
    r.score_gradients = r.gradients.tensors();
  }
  Optimizer update = copy_of(critic.trainable().optimizer(), r.network.parameters());
  update.update(r.gradients);
  r.updated = values_of(r.network.parameters());
  r.state = update.state();
  r.optimizer_step = static_cast<int64_t>(update.step().item());
  Optimizer(update.config(), r.network.parameters(), critic.trainable().optimizer().bounds()).clip();
  r.network.retract();
  r.after = values_of(r.network.parameters());
  return r;
}

}  // namespace kantor::lab
