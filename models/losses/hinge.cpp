// The hinge loss (Lim and Ye 2017; Miyato et al. 2018): scores beyond +-1 have no gradient any more.
#include "models/losses/loss.h"

namespace kantor {
namespace {

Tensor critic(const Scores& scores) {
  return mean(relu(1 - scores.real)) + mean(relu(1 + scores.fake));
}

Tensor generator(const Scores& scores) {
  return -mean(scores.fake);
}

}  // namespace

extern const Loss hinge_loss;
const Loss hinge_loss{
    "hinge", "mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake)); the generator -mean D(fake) (Lim and Ye 2017)",
    critic, generator};

}  // namespace kantor
