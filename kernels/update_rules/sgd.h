// Stochastic gradient descent: w <- w - rate g.
#pragma once

#include "kernels/compile.h"
#include "kernels/update_rules/update_settings.h"

namespace kantor::update_rule {

struct Sgd {
  static constexpr const char* name = "sgd";
  static constexpr int states = 0;
  static constexpr const char* state_names[] = {nullptr, nullptr};

  template <class T>
  struct Update {
    T rate;
    KANTOR_FUNCTION Update(const UpdateSettings&, const UpdateScalars& at) : rate(T(at.learning_rate)) {}
    KANTOR_FUNCTION T operator()(T w, T g, T&, T&) const { return w - rate * g; }
  };
};

}  // namespace kantor::update_rule
