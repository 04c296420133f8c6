// The loss of the first GANs with the generator's non-saturating form (Goodfellow et al. 2014): scores are logits.
#include "models/losses/loss.h"

namespace kantor {
namespace {

Tensor critic(const Scores& scores) {
  return mean(softplus(-scores.real)) + mean(softplus(scores.fake));
}

Tensor generator(const Scores& scores) {
  return mean(softplus(-scores.fake));
}

}  // namespace

extern const Loss non_saturating_loss;
const Loss non_saturating_loss{
    "non-saturating",
    "mean softplus(-D(real)) + mean softplus(D(fake)); the generator softplus(-D(fake)) (Goodfellow et al. 2014)",
    critic, generator};

}  // namespace kantor
