#include "models/gan/critic_loss.h"

#include "engine/error.h"
#include "engine/grad_mode.h"

#include <fmt/format.h>

namespace kantor {

CriticLoss critic_loss(const Network& critic, const Constraint& constraint, const CriticBatch& batch,
                       const Loss& loss) {
  CriticLoss result;
  if (critic.has_batch_norm()) {
    result.real_scores = critic(batch.real);
    result.fake_scores = critic(batch.fake);
  } else {
    const int64_t n = batch.real.shape()[0];
    const Tensor scores = critic(concat({batch.real, batch.fake}));
    result.real_scores = slice(scores, 0, 0, n);
    result.fake_scores = slice(scores, 0, n, scores.shape()[0]);
  }
  result.wasserstein = mean(result.real_scores) - mean(result.fake_scores);
  result.loss = loss.critic({result.real_scores, result.fake_scores, result.wasserstein});
  result.term = constraint.penalty(critic, batch);
  if (result.term.value.defined()) result.loss = result.loss + result.term.value;
  return result;
}

Tensor generator_loss(const Network& critic, const Tensor& fake, const Loss& loss, const Tensor& real) {
  Scores scores;
  if (loss.generator_needs_real) {
    if (!real.defined()) {
      throw Error(
          fmt::format("the generator's {} loss compares with real samples; give as many as generated ones", loss.name));
    }
    const NoGrad no_grad;  // real samples do not depend on the generator
    scores.real = critic(real);
  }
  scores.fake = critic(fake);
  return loss.generator(scores);
}

}  // namespace kantor
