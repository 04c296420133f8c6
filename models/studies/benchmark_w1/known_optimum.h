// KnownOptimum: a critic compared with the optimal one of a pair of funnels.
#pragma once

#include "models/data/funnels.h"
#include "models/files/png.h"
#include "models/nn/network.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace kantor::benchmark_w1 {

class KnownOptimum {
 public:
  /// `samples` points of Q, and where they are moved in P: a function of the seed, separate from the training samples.
  KnownOptimum(Funnels funnels, int64_t seed, int64_t samples);

  /// Figures after Korotin et al. 2022: "w1", mean critic on P minus mean critic on Q, over points of Q and what they
  /// are moved to; "cosine" and "squared_gradient_error" of the critic's gradient at P against the optimal one; and
  /// "norm", its mean norm there. "w1_independent" is over points of Q apart from those of P, as the authors' code
  /// draws them: the same in the mean, with 1.5 to 2 times the standard error.
  /// "cosine_float32" and "squared_gradient_error_float32" are against the optimal gradient as the authors' code finds
  /// it: in float32 at the points of P, with distances from |x|^2 + |a|^2 - 2 x.a (torch.cdist). Where a point lies
  /// nearer to its centre than rounding, as many do in the plane, that gradient is about 0.
  [[nodiscard]] nlohmann::json measure(const Network& critic) const;

  /// Pictures of the plane: a critic, and the optimal one, -u. Only where the pair lies in the plane.
  [[nodiscard]] Image draw(const Network& critic) const;
  [[nodiscard]] Image draw() const;

 private:
  Funnels funnels_;
  int64_t samples_;
  std::vector<float> p_, q_, independent_q_;
  std::vector<double> gradients_, float32_gradients_;  // the optimal critic's at P
};

}  // namespace kantor::benchmark_w1
