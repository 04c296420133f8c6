// Differentiates a gradient penalty by a critic's weights: the second derivative that a WGAN-GP step needs.
#include <cmath>
#include <cstdio>
#include <kantor/kantor.h>
#include <vector>

int main() {
  using namespace kantor;
  const Network critic(mlp({.width = 16}), {2}, {});
  const Tensor x = from_host(std::vector<float>{0.5F, -1, 2, 0.25F}, {2, 2});
  const Tensor g = grad(sum(critic(x)), {x}, {.create_graph = true, .seed = {}})[0];
  const Tensor penalty = gradient_penalty(g, PenaltyKind::two_sided, 10).value;
  const auto grads = grad(penalty, critic.parameters().tensors());
  std::printf("penalty %g, |d penalty / d first weight| %g\n", penalty.item(), std::sqrt(sum(square(grads[0])).item()));
  return grads[0].defined() ? 0 : 1;
}
