// RMSProp (Hinton's lecture 6e) as PyTorch has it: v <- alpha v + (1 - alpha) g^2, from v = 0;
// w <- w - rate g / (sqrt(v) + epsilon), epsilon outside the root.
#pragma once

#include "kernels/compile.h"
#include "kernels/update_rules/update_settings.h"

#include <math.h>

namespace kantor::update_rule {

struct RmsProp {
  static constexpr const char* name = "rmsprop";
  static constexpr int states = 1;
  static constexpr const char* state_names[] = {"v", nullptr};

  template <class T>
  struct Update {
    T rate, alpha, alpha_rest, epsilon;
    KANTOR_FUNCTION Update(const UpdateSettings& s, const UpdateScalars& at)
        : rate(T(at.learning_rate)), alpha(T(s.alpha)), alpha_rest(T(1 - s.alpha)), epsilon(T(s.epsilon)) {}
    KANTOR_FUNCTION T operator()(T w, T g, T& v, T&) const {
      v = alpha * v + alpha_rest * g * g;
      return w - rate * g / (::sqrt(v) + epsilon);
    }
  };
};

}  // namespace kantor::update_rule
