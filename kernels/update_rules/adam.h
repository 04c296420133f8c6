// Adam (Kingma and Ba 2015) as PyTorch has it: m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
// w <- w - rate m' / (sqrt(v') + epsilon) with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t). Both corrections are
// folded into one factor each, so that an element costs one root and one division.
#pragma once

#include "kernels/compile.h"
#include "kernels/update_rules/update_settings.h"

#include <math.h>

namespace kantor::update_rule {

struct Adam {
  static constexpr const char* name = "adam";
  static constexpr int states = 2;
  static constexpr const char* state_names[] = {"m", "v"};

  template <class T>
  struct Update {
    T beta1, beta1_rest, beta2, beta2_rest, epsilon, size, root;
    KANTOR_FUNCTION Update(const UpdateSettings& s, const UpdateScalars& at)
        : beta1(T(s.beta1)),
          beta1_rest(T(1 - s.beta1)),
          beta2(T(s.beta2)),
          beta2_rest(T(1 - s.beta2)),
          epsilon(T(s.epsilon)),
          size(T(at.learning_rate / (1 - at.beta1_power))),
          root(T(1 / ::sqrt(1 - at.beta2_power))) {}
    KANTOR_FUNCTION T operator()(T w, T g, T& m, T& v) const {
      m = beta1 * m + beta1_rest * g;
      v = beta2 * v + beta2_rest * g * g;
      return w - size * m / (::sqrt(v) * root + epsilon);
    }
  };
};

}  // namespace kantor::update_rule
