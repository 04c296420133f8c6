// Launchers that train whole WGANs of fully connected networks, or critics alone: many iterations in one launch, one
// team of blocks a model, many models side by side. See docs/kernels/mlp_training.md.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/launcher.h"
#include "kernels/penalty_kind.h"
#include "kernels/update_rules/update_settings.h"

#include <cstddef>

namespace kantor {

/// Linear layers of a network: three hidden ones and the last.
inline constexpr int mlp_most_layers = 4;
/// Units of a hidden layer.
inline constexpr int mlp_widest = 256;
/// A gradient is the sum of so many partial sums over the batch.
inline constexpr int mlp_groups = 8;

/// A linear layer, with the places of its weight [out, in] and bias [out] in the network's arena.
struct MlpLayer {
  int in = 0, out = 0;
  int64_t weight = 0, bias = 0;
  friend bool operator==(const MlpLayer&, const MlpLayer&) = default;
};

/// A network: linear layers with an activation between them, x where x > 0 and slope x elsewhere.
struct MlpShape {
  int count = 0;
  MlpLayer layers[mlp_most_layers];
  float slope = 0;  // 0: ReLU
  friend bool operator==(const MlpShape&, const MlpShape&) = default;
};

/// A network's arrays in device memory, each with the arena's places, and how it is updated.
struct MlpNetwork {
  float* w = nullptr;
  float *first = nullptr, *second = nullptr;    // the rule's state arrays, or null
  float* average = nullptr;                     // the running average of w, or null
  float average_decay = 0, average_weight = 0;  // average <- decay average + weight w
  float weight_bound = 0, bias_bound = 0;       // |w| <= bound, infinite where there is no clip
  int rule = 0;                                 // its place in update_rules
  UpdateSettings settings;
  const UpdateScalars* scalars = nullptr;  // [updates of the launch], in device memory
};

/// Where real samples come from, or the generated ones of a critic alone. The laws of the plane draw what the data sets
/// of the same name do: sample k of a step takes words 5 k to 5 k + 4 of (seed, stream, step), the first for its place,
/// two for each axis' noise. More noise may come on top, of a stream of its own: words 4 k to 4 k + 3.
struct MlpData {
  enum class Law : uint8_t {
    given,    // they lie in memory
    mixture,  // one of the centres, and noise
    spiral    // t (cos t, sin t) with t from start to three times that, and noise, all divided by scale
  };
  Law law = Law::given;
  const float* values = nullptr;    // [iterations, critic steps, batch, features]
  const double* centres = nullptr;  // [modes, 2]
  int modes = 0;
  double start = 0, scale = 1;
  double sigma = 0;       // of the noise
  double more_noise = 0;  // deviation of what comes on top, on every value
  uint32_t stream = 0, more_noise_stream = 0;
};

/// Where a penalty takes the critic's input gradients.
enum class PenaltyPoints : uint8_t { none, between, real, fake };

/// One GAN. Random numbers are those of the engine's draws: element e of (seed, stream, step).
struct MlpModel {
  MlpNetwork critic, generator;
  MlpData data, fakes;  // real samples, and the generated ones of a critic alone
  uint64_t seed = 0;
  int64_t step = 0;  // iterations that were done before
  PenaltyPoints points = PenaltyPoints::none;
  PenaltyKind penalty = PenaltyKind::two_sided;
  double lambda = 0;
  float* losses = nullptr;  // [iterations, 4] out: critic's loss, generator's loss, estimate, penalty
  int* done = nullptr;      // [1] out: iterations done; fewer than asked for after the first that is not finite
};

/// Streams of random numbers (engine/random.h).
struct MlpStreams {
  uint32_t critic_noise = 0, generator_noise = 0, eps = 0;
  friend bool operator==(const MlpStreams&, const MlpStreams&) = default;
};

/// What all models of a launch have in common.
struct MlpTraining {
  MlpShape critic, generator;  // a generator without layers: critics alone, between two distributions
  int models = 1, team = 1;    // blocks a model
  int cluster = 1;             // blocks of a team that are a cluster; divides the team
  bool multicast = false;      // the blocks of a cluster load weights together, where mlp_training_multicasts says so
  int batch = 0, critic_steps = 0, iterations = 0;
  MlpStreams streams;
  Arithmetic arithmetic = Arithmetic::float32;  // of products; or three_tf32, where there are tensor cores
  friend bool operator==(const MlpTraining&, const MlpTraining&) = default;
};

/// Where blocks count and report; 0 before a launch.
struct MlpCounters {
  unsigned* arrivals = nullptr;  // [models]: of blocks at barriers
  unsigned* stops = nullptr;     // [models]: the iterations after which a model ends early, or 0
  unsigned* failed = nullptr;    // [1]: 1 where a block waited in vain for its team
};

/// How a block has the matrices between hidden layers: in its shared memory, or passing through it.
enum class MlpMatrices : uint8_t { resident, streamed };

/// Sizes of a launch, which depend on the training alone.
struct MlpPlan {
  int width = 0;  // of every hidden layer in shared memory, padded with zeros: 64, 128, 256; 0: nothing fits
  int rows = 0;   // of a tile: samples a block works on at once, times 3
  MlpMatrices matrices = MlpMatrices::resident;
  int stages = 0;  // panels of a matrix in shared memory, where it is streamed through; 0: there are none
  bool critic_state = false, generator_state = false;  // whether the rule's state is on chip over the whole launch
  size_t shared_bytes = 0;                             // of a block
  int64_t workspace = 0;                               // floats of a model in device memory
  Arithmetic arithmetic = Arithmetic::float32;         // the training's
};

KANTOR_LAUNCHERS(
    /// The plan of a training whose shapes, team, batch and critic_steps are set, for a device on which a block has at
    /// most so much shared memory. Throws KernelError for another arithmetic than float32 and three_tf32.
    MlpPlan plan_mlp_training(const MlpTraining& training, size_t shared_bytes);
    /// The shared memory that the smallest kernel for these networks takes; 0 where there is none for any memory.
    size_t least_shared_bytes(const MlpTraining& training);
    /// Blocks of this plan that can be resident at once, in clusters of that many: a launch may have models x team of
    /// them. 0 where there are no clusters.
    int mlp_training_blocks(const MlpPlan& plan, int cluster);
    /// Whether weights can be loaded so: by teams of several clusters, of networks whose matrices between hidden layers
    /// lie in shared memory and have rows that are multiples of 4. The code must also be that of architecture 90a;
    /// other code loads them by each block.
    bool mlp_training_multicasts(const MlpTraining& training, const MlpPlan& plan);
    /// Trains. `models` [models], `workspace` [models, plan.workspace] and `counters`, which are 0, lie in device
    /// memory. Bits depend on the arithmetic, and neither on the team's size nor on the cluster's, nor on how weights
    /// are loaded.
    void mlp_training(const MlpTraining& training, const MlpPlan& plan, const MlpModel* models, float* workspace,
                      const MlpCounters& counters, Stream stream);)

}  // namespace kantor
