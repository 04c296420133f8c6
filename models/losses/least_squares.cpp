// The least squares loss (Mao et al. 2017): scores of real samples are drawn to 1, of generated ones to 0.
#include "models/losses/loss.h"

namespace kantor {
namespace {

Tensor critic(const Scores& scores) {
  return (mean(square(scores.real - 1)) + mean(square(scores.fake))) * 0.5;
}

Tensor generator(const Scores& scores) {
  return mean(square(scores.fake - 1)) * 0.5;
}

}  // namespace

extern const Loss least_squares_loss;
const Loss least_squares_loss{
    "least-squares",
    "half of mean (D(real) - 1)^2 + mean D(fake)^2; the generator half of mean (D(fake) - 1)^2 (Mao et al. 2017)",
    critic, generator};

}  // namespace kantor
