// What the blocks of a team tell each other, in device memory: the factors of every weight gradient, a row a sample.
// For kernel files.
//
// A layer's gradient is the sum over rows of (what came into the layer) x (the derivative by what came out of it). Rows
// of real and generated samples bring activations and deltas; rows at which a penalty is measured bring the tangents of
// the penalty's derivative, and the deltas of a score. So one sum makes both: no block adds a gradient of its own.
#pragma once

#include "kernels/backend.h"
#include "kernels/compile.h"
#include "kernels/mlp_training.h"

namespace kantor::KANTOR_BACKEND {

/// Rows of a batch, by what they are.
enum RowClass : int { real_rows = 0, fake_rows = 1, penalty_rows = 2 };

/// The arrays of one model. Row (class, sample) is row class * batch + sample.
template <int width>
struct Workspace {
  float* hidden;          // [hidden layers][2][rows][width]: activations and deltas
  int64_t array_floats;   // rows x width
  float* inputs;          // [rows][features]: x, or the penalty's derivative by the input gradient
  float* seeds;           // [rows][outputs]: the derivative by the network's outputs
  float* fakes;           // [critic steps + 1][batch][samples' features]: of the whole iteration, made or drawn
  float* reals;           // [critic steps][batch][2]: of the whole iteration, where the kernel draws them
  float* values;          // [rows]: a score, or a row's part of the penalty
  int features, outputs;  // numbers a row

  /// What comes out of hidden layer l, [rows][width].
  __device__ float* activations(int l) const { return hidden + 2 * l * array_floats; }
  /// The derivative by what came into its activation, [rows][width].
  __device__ float* deltas(int l) const { return hidden + (2 * l + 1) * array_floats; }

  KANTOR_FUNCTION static int features_of(const MlpTraining& t) {
    return t.critic.layers[0].in > t.generator.layers[0].in ? t.critic.layers[0].in : t.generator.layers[0].in;
  }
  KANTOR_FUNCTION static int outputs_of(const MlpTraining& t) { return t.critic.layers[0].in; }
  KANTOR_FUNCTION static int hidden_of(const MlpTraining& t) {
    return (t.critic.count > t.generator.count ? t.critic.count : t.generator.count) - 1;
  }
  KANTOR_FUNCTION static int64_t floats(const MlpTraining& t) {
    const int64_t rows = 3 * int64_t(t.batch);
    const int64_t fakes = int64_t(t.critic_steps + 1) * t.batch * t.critic.layers[0].in;
    const int64_t reals = int64_t(t.critic_steps) * t.batch * 2;
    const int64_t sum = rows * (features_of(t) + 2 * hidden_of(t) * width + outputs_of(t) + 1) + fakes + reals;
    return (sum + 31) / 32 * 32;
  }

  __device__ Workspace(const MlpTraining& t, float* memory)
      : hidden(memory),
        array_floats(3 * int64_t(t.batch) * width),
        inputs(hidden + 2 * hidden_of(t) * array_floats),
        seeds(inputs + 3 * int64_t(t.batch) * features_of(t)),
        fakes(seeds + 3 * int64_t(t.batch) * outputs_of(t)),
        reals(fakes + int64_t(t.critic_steps + 1) * t.batch * t.critic.layers[0].in),
        values(reals + int64_t(t.critic_steps) * t.batch * 2),
        features(features_of(t)),
        outputs(outputs_of(t)) {}
};

}  // namespace kantor::KANTOR_BACKEND
