// The relativistic pairing loss (Jolicoeur-Martineau 2018), with R1 and R2 the modern baseline of Huang et al. 2024:
// each real sample is compared with one generated sample, so both batches have the same size.
#include "models/losses/loss.h"

namespace kantor {
namespace {

Tensor critic(const Scores& scores) {
  return mean(softplus(scores.fake - scores.real));
}

Tensor generator(const Scores& scores) {
  return mean(softplus(scores.real - scores.fake));
}

}  // namespace

extern const Loss relativistic_loss;
const Loss relativistic_loss{
    "relativistic", "mean softplus(D(fake) - D(real)) over pairs; the generator the reverse (Jolicoeur-Martineau 2018)",
    critic, generator, true};

}  // namespace kantor
