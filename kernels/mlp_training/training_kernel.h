// The kernel that trains: for each iteration the samples of all its critic updates, the critic's updates, and the
// generator's, where there is one. For kernel files; docs/kernels/mlp_training.md draws it.
//
// One network at a time is in shared memory, or passes through it. An update has two halves with a team barrier behind
// each: a block runs its samples through the network and leaves the factors of all weight gradients in device memory
// (row_tile.h, workspace.h); then it sums and applies the gradients of the weights that it owns (weight_update.h).
//
// Counted for a penalised critic update, with H hidden layers of n units and batch B: 2 n^2 B (H - 1)
// x (1 for the generator's samples + 3 forward + 3 backward + 1 tangent + 3 weight gradients) FLOPs; to and from the L2
// cache a block writes its rows, 3 B / T x 8 n H bytes, and loads the weights, 4 n^2 (H - 1) bytes. It loads none where
// the team is one block or cluster: there the owner of a weight writes it into all copies, through shared memory. Where
// the blocks of a cluster of C load together, a block reads 1 / C of the matrices (cluster_load.h). 2 barriers.
#pragma once

#include "kernels/mlp_training/draws.h"
#include "kernels/mlp_training/shared_plan.h"
#include "kernels/row_penalty.h"

namespace kantor::KANTOR_BACKEND {

template <int width, int tile_rows, MlpMatrices matrices, Arithmetic arithmetic>
class Training {
  using Plan = SharedPlan<width, tile_rows, matrices, arithmetic>;
  using Network = typename Plan::Network;
  using Tile = typename Plan::Tile;

 public:
  __device__ Training(const MlpTraining& t, const MlpPlan& plan, const MlpModel& model, float* workspace, Team team,
                      unsigned* stop, float* shared)
      : t_(t),
        plan_(plan),
        model_(model),
        team_(team),
        stop_(stop),
        rows_(t, workspace),
        network_(shared),
        scratch_(shared + Plan::network(t)),
        update_(*reinterpret_cast<AnyUpdate*>(scratch_ + Plan::big(t))),
        tile_(t, scratch_, scratch_ + Plan::big(t) + Plan::misc + Plan::last_weight),
        panels_(shared + Plan::panels(t)),
        states_(shared + Plan::state(t, plan.stages)),
        together_(t.multicast, scratch_ + Plan::big(t) + Plan::misc - 4),
        features_(t.critic.layers[0].in),
        first_(min(team.rank * share(), t.batch)),
        last_(min(first_ + share(), t.batch)) {}

  /// Returns false where a block of the team did not come to a barrier. Inlined always: in a call of its own the object
  /// would lie in a GPU's slow local memory, and be read there for every panel.
  __device__ __forceinline__ bool run() {
    int done = 0;
    move_states<false>();
    if (loads_together()) together_.begin();
    for (; done < t_.iterations && *static_cast<const volatile unsigned*>(stop_) == 0; ++done) {
      iteration_ = done;
      const Network generator = network(t_.generator, model_.generator), critic = network(t_.critic, model_.critic);
      if (has_generator()) {
        if (done == 0 || !team_.is_one_cluster()) load(generator, model_.generator, true);
        make_fakes(generator);
      }
      draw(model_.data, rows_.reals);
      if (!has_generator()) draw(model_.fakes, rows_.fakes);
      if (has_generator() || done == 0) load(critic, model_.critic, false);
      for (int k = 0; k < t_.critic_steps; ++k) {
        critic_rows(critic, k);
        keep_last_weight(critic);
        if (!team_.barrier()) return false;
        if (k + 1 == t_.critic_steps) report_critic();
        apply(model_.critic, critic, done * t_.critic_steps + k, classes());
        if (!team_.barrier()) return false;
        if (!team_.is_one_cluster()) load(critic, model_.critic, true);
      }
      if (!has_generator()) continue;
      generator_seeds(critic);
      load(generator, model_.generator, false);
      generator_rows(generator);
      keep_last_weight(generator);
      if (!team_.barrier()) return false;
      report_generator();
      apply(model_.generator, generator, done, 1);
      if (!team_.barrier()) return false;
    }
    if (loads_together()) together_.end();
    move_states<true>();
    if (team_.rank == 0 && threadIdx.x == 0) *model_.done = done;
    return true;
  }

 private:
  __device__ Network network(const MlpShape& shape, const MlpNetwork& arrays) const {
    if constexpr (Network::panel_floats > 0) {
      return Network(shape, network_, panels_, plan_.stages, arrays.w);
    } else {
      return Network(shape, network_);
    }
  }
  __device__ bool loads_together() const { return Network::holds_matrices && together_.on(); }
  /// `met`: a barrier of the team has come since the network that is there was read.
  __device__ __forceinline__ void load(const Network& net, const MlpNetwork& arrays, bool met) {
    if constexpr (has_multicast && Network::holds_matrices) {
      if (loads_together()) {
        if (!met) together_.meet();
        return net.load(arrays.w, together_);
      }
    }
    net.load(arrays.w);
  }
  /// Samples of a batch that a block has, but for the last.
  __device__ int share() const { return (t_.batch + team_.size - 1) / team_.size; }
  __device__ bool has_generator() const { return t_.generator.count > 0; }
  __device__ int classes() const { return model_.points == PenaltyPoints::none ? 2 : 3; }
  /// Counted from 1, as the engine's step counter.
  __device__ int64_t step() const { return model_.step + iteration_ + 1; }
  __device__ float* fake(int batch, int sample) const {
    return rows_.fakes + (int64_t(batch) * t_.batch + sample) * features_;
  }
  /// Of a critic update.
  __device__ const float* generated(int update, int sample) const {
    return has_generator() ? fake(update, sample) : drawn_or_given(model_.fakes, rows_.fakes, update, sample);
  }
  __device__ const float* real(int update, int sample) const {
    return drawn_or_given(model_.data, rows_.reals, update, sample);
  }
  __device__ const float* drawn_or_given(const MlpData& data, const float* drawn, int update, int sample) const {
    const int64_t at = int64_t(update) * t_.batch + sample;
    if (data.law != MlpData::Law::given) return drawn + at * 2;
    return data.values + (int64_t(iteration_) * t_.critic_steps * t_.batch + at) * features_;
  }
  /// The samples of an iteration, unless they are given. A data set counts steps from 0.
  __device__ void draw(const MlpData& data, float* points) const {
    if (data.law == MlpData::Law::given) return;
    draw_plane_samples(t_, data, model_.seed, step() - 1, first_, last_, points);
  }
  __device__ float noise(int batch, int sample, int d) const {
    const int z = t_.generator.layers[0].in;
    if (batch == t_.critic_steps) {
      return normal_at(model_.seed, t_.streams.generator_noise, step(), int64_t(sample) * z + d);
    }
    return normal_at(model_.seed, t_.streams.critic_noise, step(), (int64_t(batch) * t_.batch + sample) * z + d);
  }

  /// The samples of all critic updates, and of the generator's own: the generator does not change between them. Batch
  /// critic_steps is the generator's.
  __device__ void make_fakes(const Network& generator) const {
    const int z = t_.generator.layers[0].in, mine = last_ - first_, all = mine * (t_.critic_steps + 1);
    for (int begin = 0; begin < all; begin += tile_rows) {
      for (int i = threadIdx.x; i < tile_rows * z; i += mlp_threads) {
        const int at = begin + i / z;
        tile_.inputs[i / z * tile_.features + i % z] = at < all ? noise(at / mine, first_ + at % mine, i % z) : 0.0F;
      }
      tile_.forward(generator);
      tile_.output(generator);
      for (int i = threadIdx.x; i < tile_rows * features_; i += mlp_threads) {
        const int at = begin + i / features_;
        if (at < all)
          fake(at / mine, first_ + at % mine)[i % features_] =
              tile_.results[i / features_ * tile_.features + i % features_];
      }
    }
  }

  /// An input of a critic's row.
  __device__ float critic_input(int row_class, int update, int sample, int d) const {
    const float x = real(update, sample)[d], y = generated(update, sample)[d];
    if (row_class == real_rows) return x;
    if (row_class == fake_rows) return y;
    if (model_.points == PenaltyPoints::real) return x;
    if (model_.points == PenaltyPoints::fake) return y;
    const float e = uniform_at(model_.seed, t_.streams.eps, step(), int64_t(update) * t_.batch + sample);
    return e * x + (1 - e) * y;
  }

  /// This block's rows of a critic update.
  __device__ void critic_rows(const Network& critic, int update) const {
    const int samples = tile_rows / classes();  // a tile has so many of each class
    const float share = 1.0F / float(t_.batch);
    for (int begin = first_; begin < last_; begin += samples) {
      const int count = min(samples, last_ - begin);
      __syncthreads();
      for (int i = threadIdx.x; i < tile_rows * features_; i += mlp_threads) {
        const int row = i / features_, sample = row % samples;
        const bool inside = row < classes() * samples && sample < count;
        tile_.inputs[row * tile_.features + i % features_] =
            inside ? critic_input(row / samples, update, begin + sample, i % features_) : 0.0F;
      }
      for (int row = threadIdx.x; row < tile_rows; row += mlp_threads) {
        const int row_class = row / samples;
        tile_.seeds[row * tile_.outputs] = row_class == real_rows ? -share : row_class == fake_rows ? share : 1.0F;
      }
      tile_.forward(critic);
      tile_.output(critic);
      const auto row_of = [&](int row) { return int64_t(row / samples) * t_.batch + begin + row % samples; };
      const auto inside = [&](int row) { return row < classes() * samples && row % samples < count; };
      const auto keep = [&](const float* array, float* to) { keep_rows(array, to, row_of, inside); };
      for (int row = threadIdx.x; row < 2 * samples; row += mlp_threads) {
        if (inside(row)) rows_.values[row_of(row)] = tile_.results[row * tile_.features];
      }
      const float* delta_0 =
          tile_.backward(critic, [&](int layer, const float* delta) { keep(delta, rows_.deltas(layer)); });
      if (classes() == 3) {
        tile_.input_gradients(critic, delta_0, tile_rows - Tile::third);
        penalise(begin, count);
        tile_.tangent(critic);
      }
      for (int l = 0; l + 1 < t_.critic.count; ++l) keep(tile_.activations(l), rows_.activations(l));
      for (int i = threadIdx.x; i < tile_rows * features_; i += mlp_threads) {
        const int row = i / features_, d = i % features_;
        if (!inside(row)) continue;
        rows_.inputs[row_of(row) * rows_.features + d] =
            row < 2 * samples ? tile_.inputs[row * tile_.features + d]
                              : tile_.directions[(row - 2 * samples) * tile_.features + d];
      }
      for (int row = threadIdx.x; row < tile_rows; row += mlp_threads) {
        if (inside(row)) rows_.seeds[row_of(row) * rows_.outputs] = tile_.seeds[row * tile_.outputs];
      }
    }
  }

  /// The penalty of each row of the last third, and its derivative by the row's input gradient.
  __device__ void penalise(int begin, int count) const {
    const double share = model_.lambda / double(t_.batch);
    for (int row = threadIdx.x; row < Tile::third; row += mlp_threads) {
      const float* gradient = tile_.results + (tile_rows - Tile::third + row) * tile_.features;
      double squares = 0;
      for (int d = 0; d < features_; ++d) squares += double(gradient[d]) * double(gradient[d]);
      const RowPenalty penalty = row_penalty(model_.penalty, sqrt(squares));
      const float factor = float(share * penalty.factor);
      for (int d = 0; d < features_; ++d) {
        tile_.directions[row * tile_.features + d] = row < count ? factor * gradient[d] : 0.0F;
      }
      if (row < count) rows_.values[int64_t(penalty_rows) * t_.batch + begin + row] = float(share * penalty.value);
    }
    __syncthreads();
  }

  /// Copies a shared array's rows to the workspace.
  template <class RowOf, class Inside>
  __device__ static void keep_rows(const float* array, float* to, const RowOf& row_of, const Inside& inside) {
    for (int i = threadIdx.x; i < tile_rows * (width / 4); i += mlp_threads) {
      const int row = i / (width / 4), unit = i % (width / 4) * 4;
      if (!inside(row)) continue;
      *reinterpret_cast<float4*>(to + row_of(row) * width + unit) =
          *reinterpret_cast<const float4*>(array + row * Tile::stride + unit);
    }
  }

  /// The derivative of the generator's loss by its samples, in place of them: minus the critic's gradient / batch.
  __device__ void generator_seeds(const Network& critic) const {
    for (int begin = first_; begin < last_; begin += tile_rows) {
      const int count = min(tile_rows, last_ - begin);
      __syncthreads();
      for (int i = threadIdx.x; i < tile_rows * features_; i += mlp_threads) {
        const int row = i / features_, d = i % features_;
        tile_.inputs[row * tile_.features + d] = row < count ? fake(t_.critic_steps, begin + row)[d] : 0.0F;
      }
      for (int row = threadIdx.x; row < tile_rows; row += mlp_threads) {
        tile_.seeds[row * tile_.outputs] = -1.0F / float(t_.batch);
      }
      tile_.forward(critic);
      tile_.output(critic);
      for (int row = threadIdx.x; row < count; row += mlp_threads) {
        rows_.values[begin + row] = tile_.results[row * tile_.features];
      }
      const float* delta_0 = tile_.backward(critic, [](int, const float*) {});
      tile_.input_gradients(critic, delta_0, 0);
      for (int i = threadIdx.x; i < count * features_; i += mlp_threads) {
        const int row = i / features_, d = i % features_;
        fake(t_.critic_steps, begin + row)[d] = tile_.results[row * tile_.features + d];
      }
    }
  }

  /// This block's rows of the generator's update, with the seeds that generator_seeds has left.
  __device__ void generator_rows(const Network& generator) const {
    const int z = t_.generator.layers[0].in;
    for (int begin = first_; begin < last_; begin += tile_rows) {
      const int count = min(tile_rows, last_ - begin);
      __syncthreads();
      for (int i = threadIdx.x; i < tile_rows * z; i += mlp_threads) {
        const int row = i / z, d = i % z;
        const float x = row < count ? noise(t_.critic_steps, begin + row, d) : 0.0F;
        tile_.inputs[row * tile_.features + d] = x;
        if (row < count) rows_.inputs[int64_t(begin + row) * rows_.features + d] = x;
      }
      for (int i = threadIdx.x; i < tile_rows * features_; i += mlp_threads) {
        const int row = i / features_, d = i % features_;
        const float seed = row < count ? fake(t_.critic_steps, begin + row)[d] : 0.0F;
        tile_.seeds[row * tile_.outputs + d] = seed;
        if (row < count) rows_.seeds[int64_t(begin + row) * rows_.outputs + d] = seed;
      }
      tile_.forward(generator);
      const auto row_of = [&](int row) { return int64_t(begin + row); };
      const auto inside = [&](int row) { return row < count; };
      for (int l = 0; l + 1 < t_.generator.count; ++l) {
        keep_rows(tile_.activations(l), rows_.activations(l), row_of, inside);
      }
      tile_.backward(generator,
                     [&](int layer, const float* delta) { keep_rows(delta, rows_.deltas(layer), row_of, inside); });
    }
  }

  /// The last layer's weight before an update, during which others may write new weights into the network.
  __device__ float* last_weight() const { return tile_.inputs - Plan::last_weight; }
  __device__ void keep_last_weight(const Network& net) const {
    for (int i = threadIdx.x; i < width; i += mlp_threads) last_weight()[i] = net.last_weight()[i];
  }

  /// This block's share of an update.
  __device__ void apply(const MlpNetwork& network, const Network& net, int update, int classes) const {
    if (threadIdx.x == 0) update_.set(network.rule, network.settings, network.scalars[update]);
    __syncthreads();
    if (!weights(network, net, classes).run()) atomicMax(stop_, unsigned(iteration_ + 1));
    if (loads_together()) fence_async_proxy();  // before the barrier behind which others copy the new weights
  }
  __device__ typename Plan::Weights weights(const MlpNetwork& network, const Network& net, int classes) const {
    const bool critic = &network == &model_.critic;
    float* state = nullptr;
    if (critic ? plan_.critic_state : plan_.generator_state) {
      state = states_ + (critic ? 0 : Plan::Weights::state_floats(t_.critic, team_.size));
    }
    return {network, net, last_weight(), rows_, t_.batch, classes, team_, scratch_, state, update_};
  }
  /// The optimizers' states, on chip or back, where the plan keeps them there.
  template <bool back>
  __device__ void move_states() const {
    if (plan_.critic_state) {
      weights(model_.critic, network(t_.critic, model_.critic), 0).template move_state<back>();
    }
    if (plan_.generator_state) {
      weights(model_.generator, network(t_.generator, model_.generator), 0).template move_state<back>();
    }
  }

  /// Sum of `values` rows, by the first warp, in an order of their number alone.
  __device__ float sum_of_values(int row_class) const {
    double sum = 0;
    for (int q = threadIdx.x; q < t_.batch; q += 32) {
      sum += double(__ldcg(rows_.values + int64_t(row_class) * t_.batch + q));
    }
    return float(warp_sum(sum));
  }
  __device__ void report_critic() const {
    if (team_.rank != team_.size - 1 || threadIdx.x >= 32) return;
    const float estimate = (sum_of_values(real_rows) - sum_of_values(fake_rows)) / float(t_.batch);
    const float penalty = classes() == 3 ? sum_of_values(penalty_rows) : 0.0F;
    if (threadIdx.x > 0) return;
    float* losses = model_.losses + int64_t(iteration_) * 4;
    losses[0] = penalty - estimate;
    losses[2] = estimate;
    losses[3] = penalty;
    if (!(fabsf(losses[0]) <= FLT_MAX)) atomicMax(stop_, unsigned(iteration_ + 1));
  }
  __device__ void report_generator() const {
    if (team_.rank != team_.size - 1 || threadIdx.x >= 32) return;
    const float loss = -sum_of_values(real_rows) / float(t_.batch);
    if (threadIdx.x > 0) return;
    model_.losses[int64_t(iteration_) * 4 + 1] = loss;
    if (!(fabsf(loss) <= FLT_MAX)) atomicMax(stop_, unsigned(iteration_ + 1));
  }

  const MlpTraining& t_;
  const MlpPlan& plan_;
  const MlpModel& model_;
  Team team_;
  unsigned* stop_;
  Workspace<width> rows_;
  float *network_, *scratch_;
  AnyUpdate& update_;
  Tile tile_;
  float *panels_, *states_;
  ClusterLoad together_;
  const int features_, first_, last_;
  int iteration_ = 0;
};

/// A multiprocessor runs one block, which may have all of its registers.
template <int width, int tile_rows, MlpMatrices matrices, Arithmetic arithmetic>
__global__ void __launch_bounds__(mlp_threads, 1)
    mlp_training_kernel(const __grid_constant__ MlpTraining t, const __grid_constant__ MlpPlan plan,
                        const MlpModel* models, float* workspace, MlpCounters counters) {
  const int model = int(blockIdx.x) / t.team;
  float* shared = dynamic_shared<float>();
  using Plan = SharedPlan<width, tile_rows, matrices, arithmetic>;
  int* flag = reinterpret_cast<int*>(shared + Plan::network(t) + Plan::big(t) + Plan::misc - 1);
  const Team team(int(blockIdx.x) % t.team, t.team, counters.arrivals + model, counters.failed, flag);
  Training<width, tile_rows, matrices, arithmetic> training(t, plan, models[model], workspace + model * plan.workspace,
                                                            team, counters.stops + model, shared);
  training.run();
}

}  // namespace kantor::KANTOR_BACKEND
