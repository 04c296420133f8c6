// The penalty of a hand-made critic by the engine alone: tensors, autograd of second order, an optimizer's arena.
#include <cmath>
#include <cstdio>
#include <kantor/engine.h>
#include <vector>

int main() {
  using namespace kantor;
  const Tensor w = from_host(std::vector<float>{3, 4}, {2, 1});
  const Tensor x = from_host(std::vector<float>{1, 2, -1, 0.5F}, {2, 2});
  const Tensor slope = grad(sum(matmul(x, w)), {x}, {.create_graph = true, .seed = {}})[0];  // w at each row: norm 5
  const Tensor penalty = gradient_penalty(slope, PenaltyKind::two_sided, 1).value;           // (5 - 1)^2
  const Tensor derivative = grad(penalty, {w})[0];                                           // 2 (5 - 1) w / 5
  std::printf("penalty %g, its derivative %g\n", penalty.item(), derivative.to_vector<double>()[0]);
  const bool right = std::abs(penalty.item() - 16) < 1e-4 && std::abs(derivative.to_vector<double>()[0] - 4.8) < 1e-4;
  return right ? 0 : 1;
}
