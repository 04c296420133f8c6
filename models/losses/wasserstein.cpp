// The Wasserstein loss (Arjovsky, Chintala and Bottou 2017): minus the critic's estimate of the distance.
#include "models/losses/loss.h"

namespace kantor {
namespace {

Tensor critic(const Scores& scores) {
  return -scores.difference;
}

Tensor generator(const Scores& scores) {
  return -mean(scores.fake);
}

}  // namespace

extern const Loss wasserstein_loss;
const Loss wasserstein_loss{"wasserstein", "mean D(fake) - mean D(real) (Arjovsky et al. 2017)", critic, generator};

}  // namespace kantor
