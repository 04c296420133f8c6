// What an update rule is told.
#pragma once

namespace kantor {

/// Hyperparameters, fixed for a training. A rule reads those that its formula has.
struct UpdateSettings {
  double beta1 = 0, beta2 = 0;  // decays of means of the gradient and of its square
  double alpha = 0;             // decay of RMSProp's mean square
  double epsilon = 0;           // added to the root of a mean square
  double weight_decay = 0;
};

/// What changes from update to update; it lies in device memory, so that a replay reads it anew.
struct UpdateScalars {
  double learning_rate;
  double beta1_power, beta2_power;  // beta^t at update t, counted from 1
};

}  // namespace kantor
