// AdamW (Loshchilov and Hutter 2019) as PyTorch has it: Adam, after the weight has shrunk by rate * weight_decay, which
// therefore does not pass through Adam's means.
#pragma once

#include "kernels/update_rules/adam.h"

namespace kantor::update_rule {

struct AdamW {
  static constexpr const char* name = "adamw";
  static constexpr int states = 2;
  static constexpr const char* state_names[] = {"m", "v"};

  template <class T>
  struct Update {
    Adam::Update<T> adam;
    T kept;
    KANTOR_FUNCTION Update(const UpdateSettings& s, const UpdateScalars& at)
        : adam(s, at), kept(T(1 - at.learning_rate * s.weight_decay)) {}
    KANTOR_FUNCTION T operator()(T w, T g, T& m, T& v) const { return adam(kept * w, g, m, v); }
  };
};

}  // namespace kantor::update_rule
