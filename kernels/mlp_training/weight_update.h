// The weight gradients of an update, each summed and applied by the one block that owns the weight. For kernel files.
//
// A gradient is a sum over the rows of the workspace: 8 groups of neighbouring samples, a warp each, every group in the
// order of its rows, then the groups in their order. That depends on the batch alone, so every team makes the same
// bits. Hidden matrices are cut into patches, 8 x 4 lanes of `lane_tile` x `lane_tile` numbers; large ones read less,
// small ones keep more blocks busy. What is left (first and last layer, biases) are columns, 32 at a time.
//
// The rule's state of the weights that a block owns stays in its shared memory over the whole launch where the plan has
// room (optimizer_state), and is otherwise read and written there where it lies.
//
// Counted, with l = lane_tile: a patch of 32 l^2 weights reads 48 l bytes a row from the L2 cache for 64 l^2 FLOPs,
// 0.75 / l bytes a FLOP. Once an update each weight, its average and, unless it is on chip, its state are read and
// written, 4 bytes each way: for Adam 24 bytes a weight of the critic, or 8.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/block.h"
#include "kernels/mlp_training/any_update.h"
#include "kernels/mlp_training/resident_network.h"
#include "kernels/mlp_training/team.h"
#include "kernels/mlp_training/tensor_patch.h"
#include "kernels/mlp_training/workspace.h"

#include <cfloat>

namespace kantor::KANTOR_BACKEND {

/// A sum of floats, and the sum of what rounding took from it (Knuth's two-sum): numbers that cancel leave 0 in
/// whatever order, as long as that second sum is not rounded.
struct CompensatedSum {
  float sum = 0, rest = 0;

  __device__ void add(float x) {
    const float before = sum;
    sum = __fadd_rn(before, x);
    const float added = __fsub_rn(sum, before);
    rest = __fadd_rn(rest, __fadd_rn(__fsub_rn(before, __fsub_rn(sum, added)), __fsub_rn(x, added)));
  }
  __device__ float value() const {
    const float whole = sum + rest;
    return fabsf(whole) <= FLT_MAX ? whole : sum;  // what an infinite sum took from itself is no number
  }
};

template <class Network, int lane_tile, Arithmetic arithmetic>
class WeightUpdate {
  static constexpr int width = Network::width;
  static constexpr int ins = 8 * lane_tile, outs = 4 * lane_tile;  // of a patch
  static constexpr int patch_size = ins * outs, column_size = 32;

 public:
  static constexpr int scratch_floats = mlp_groups * patch_size;

  /// Of `network`, from `classes` classes of rows. In shared memory are `net`, whose weights become the new ones where
  /// the team is one cluster; `last_weight`, the last layer's before the update, of one output; `scratch`, `update`;
  /// and `state`, the rule's of the weights that the block owns; null: it is not on chip.
  __device__ WeightUpdate(const MlpNetwork& network, const Network& net, const float* last_weight,
                          const Workspace<width>& rows, int batch, int classes, const Team& team, float* scratch,
                          float* state, const AnyUpdate& update)
      : network_(network),
        net_(net),
        last_weight_(last_weight),
        rows_(rows),
        batch_(batch),
        classes_(classes),
        team_(team),
        scratch_(scratch),
        state_(state),
        update_(update),
        group_(threadIdx.x / 32),
        first_sample_(group_ * batch / mlp_groups),
        last_sample_((group_ + 1) * batch / mlp_groups) {}

  /// This block's share. Returns whether all weights that this thread has updated are finite.
  __device__ bool run() {
    const int tasks = tasks_of(net_.shape);
    int slot = 0;
#pragma unroll 1
    for (int task = team_.rank; task < tasks; task += team_.size) {
      if (task < patches_of(net_.shape)) {
        patch(task, slot);
        slot += patch_size;
      } else {
        column(task, slot);
        slot += column_size;
      }
    }
    return finite_;
  }

  /// Brings the state of this block's weights on chip, at a launch's start, or back, at its end. A thread copies what
  /// it updates, so no barrier is needed.
  template <bool back>
  __device__ void move_state() const {
    const int tasks = tasks_of(net_.shape), owned = state_floats(net_.shape, team_.size) / 2;
    int slot = 0;
#pragma unroll 1
    for (int task = team_.rank; task < tasks; task += team_.size) {
      const int size = task < patches_of(net_.shape) ? patch_size : column_size;
#pragma unroll 1
      for (int e = threadIdx.x; e < size; e += mlp_threads) {
        const int64_t place = place_of(task, e);
        if (place < 0) continue;
        move<back>(network_.first, place, slot + e);
        move<back>(network_.second, place, owned + slot + e);
      }
      slot += size;
    }
  }

  /// Two arrays of the weights that a block owns; of the first of a team, which has most.
  KANTOR_FUNCTION static int state_floats(const MlpShape& shape, int team) {
    const int patches = (patches_of(shape) + team - 1) / team, tasks = (tasks_of(shape) + team - 1) / team;
    return 2 * (patches * patch_size + (tasks - patches) * column_size);
  }

 private:
  KANTOR_FUNCTION static int patches_of(const MlpShape& s) {
    return (s.count - 2) * (width / ins) * (width / outs);
  }
  /// Parameters outside the hidden matrices.
  KANTOR_FUNCTION static int columns_of(const MlpShape& s) {
    int count = s.layers[0].in * s.layers[0].out + s.layers[s.count - 1].in * s.layers[s.count - 1].out;
    for (int l = 0; l < s.count; ++l) count += s.layers[l].out;
    return count;
  }
  KANTOR_FUNCTION static int tasks_of(const MlpShape& s) {
    return patches_of(s) + (columns_of(s) + column_size - 1) / column_size;
  }

  /// Weights [out, out + outs) x [in, in + ins) of a hidden layer.
  struct Patch {
    int layer, out, in;
  };
  __device__ static Patch find_patch(int task) {
    constexpr int across = width / ins, down = width / outs;
    const int place = task % (across * down);
    return {1 + task / (across * down), place / across * outs, place % across * ins};
  }
  /// Of element e of a task in the arena; negative where a layer has no such weight.
  __device__ int64_t place_of(int task, int e) const {
    if (task >= patches_of(net_.shape)) {
      const Column c = find_column((task - patches_of(net_.shape)) * column_size + e);
      return c.right != nullptr ? c.place : -1;
    }
    return place_of(find_patch(task), e);
  }
  __device__ int64_t place_of(const Patch& p, int e) const {
    const MlpLayer& l = net_.shape.layers[p.layer];
    const int out = p.out + e / ins, in = p.in + e % ins;
    return out < l.out && in < l.in ? l.weight + int64_t(out) * l.in + in : -1;
  }
  template <bool back>
  __device__ void move(float* array, int64_t place, int at) const {
    if (array == nullptr) return;
    if constexpr (back) {
      array[place] = state_[at];
    } else {
      state_[at] = array[place];
    }
  }

  /// `slot`: of its first weight among those that the block owns.
  __device__ void patch(int task, int slot) {
    const Patch p = find_patch(task);
    if constexpr (arithmetic == Arithmetic::float32) {
      sum_patch(p);
    } else {
      sum_patch_by_tensor_cores(p);
    }
    __syncthreads();
    for (int e = threadIdx.x; e < patch_size; e += mlp_threads) {
      const int64_t place = place_of(p, e);
      const int out = p.out + e / ins, in = p.in + e % ins;
      const int copy = Network::holds_matrices ? copy_at(net_.matrix(p.layer)) + out * stride_of(width) + in : streamed;
      if (place >= 0) apply({place, slot + e, copy}, groups(e, patch_size), network_.weight_bound);
    }
    __syncthreads();
  }

  /// This warp's samples of a patch, [outs][ins], into its part of scratch.
  __device__ void sum_patch(const Patch& p) const {
    const int lane = threadIdx.x % 32, lane_in = lane % 8 * lane_tile, lane_out = lane / 8 * lane_tile;
    const float* left = rows_.activations(p.layer - 1) + p.in + lane_in;
    const float* right = rows_.deltas(p.layer) + p.out + lane_out;
    float sums[lane_tile * lane_tile];
#pragma unroll
    for (float& sum : sums) sum = 0.0F;
    for (int c = 0; c < classes_; ++c) {
#pragma unroll 4
      for (int q = first_sample_; q < last_sample_; ++q) {
        const int64_t row = (int64_t(c) * batch_ + q) * width;
        float in[lane_tile], out[lane_tile];
        read(left + row, in);
        read(right + row, out);
#pragma unroll
        for (int j = 0; j < lane_tile; ++j) {
#pragma unroll
          for (int i = 0; i < lane_tile; ++i) {
            sums[j * lane_tile + i] = fmaf(in[i], out[j], sums[j * lane_tile + i]);
          }
        }
      }
    }
    float* mine = scratch_ + group_ * patch_size;
#pragma unroll
    for (int j = 0; j < lane_tile; ++j) {
#pragma unroll
      for (int i = 0; i < lane_tile; ++i) mine[(lane_out + j) * ins + lane_in + i] = sums[j * lane_tile + i];
    }
  }
  __device__ void sum_patch_by_tensor_cores(const Patch& p) const {
    const float *activations = rows_.activations(p.layer - 1) + p.in, *deltas = rows_.deltas(p.layer) + p.out;
    const int64_t first = int64_t(first_sample_) * width;
    TensorPatch<outs, ins> sums;
    sums.template add<width>(deltas + first, activations + first, last_sample_ - first_sample_, classes_,
                             int64_t(batch_) * width);
    sums.store(scratch_ + group_ * patch_size);
  }

  template <int count>
  __device__ static void read(const float* from, float (&to)[count]) {
#pragma unroll
    for (int i = 0; i < count; i += 4) {
      const float4 four = __ldcg(reinterpret_cast<const float4*>(from + i));
      to[i] = four.x;
      to[i + 1] = four.y;
      to[i + 2] = four.z;
      to[i + 3] = four.w;
    }
  }

  /// The groups' sums of element e, in their order.
  __device__ float groups(int e, int size) const {
    float sum = scratch_[e];
    for (int g = 1; g < mlp_groups; ++g) sum += scratch_[g * size + e];
    return sum;
  }

  /// A weight that the block owns: its place in the arena, among those that the block owns, and in the block's copy of
  /// the network.
  struct Weight {
    int64_t place;
    int slot, copy;
  };
  static constexpr int streamed = -1;  // copy: there is none
  __device__ int copy_at(const float* shared) const {
    return int(shared - net_.memory);
  }

  /// A parameter outside the hidden matrices: the sum over rows of left x right.
  struct Column {
    const float* left = nullptr;   // null: 1, of a bias, which the penalty's rows do not change
    const float* right = nullptr;  // null: there is no such column
    int left_stride = 0, right_stride = 0;
    bool left_by_sign = false;  // the activation's derivative in place of the activation, and a factor of the sum:
    int unit = 0;               // this unit's weight in the last layer
    int64_t place = 0;
    int copy = 0;
    float bound = 0;
  };
  __device__ Column find_column(int e) const {
    const MlpShape& s = net_.shape;
    const int last = s.count - 1;
    const MlpLayer &first = s.layers[0], &end = s.layers[last];
    Column c;
    if (e < first.in * first.out) {
      c = {rows_.inputs + e % first.in, rows_.deltas(0) + e / first.in, rows_.features, width};
      c.place = first.weight + e;
      c.copy = copy_at(net_.first_weight()) + e / first.in * Network::first_stride(s) + e % first.in;
      c.bound = network_.weight_bound;
      return c;
    }
    e -= first.in * first.out;
    if (e < end.in * end.out) {
      c = {rows_.activations(last - 1) + e % end.in, rows_.seeds + e / end.in, width, rows_.outputs};
      c.place = end.weight + e;
      c.copy = copy_at(net_.last_weight()) + e / end.in * stride_of(width) + e % end.in;
      c.bound = network_.weight_bound;
      return c;
    }
    e -= end.in * end.out;
    c.bound = network_.bias_bound;
    for (int l = 0; l < s.count; e -= s.layers[l].out, ++l) {
      if (e >= s.layers[l].out) continue;
      c.place = s.layers[l].bias + e;
      c.copy = copy_at(l == last ? net_.last_bias() : net_.bias(l)) + e;
      if (l + 2 == s.count && end.out == 1) {
        // Deltas here are seeds x derivative x one weight. Without the weight, whose products are rounded, the sum of a
        // unit that is on for as many real as generated rows is exactly 0.
        c = {rows_.activations(l) + e, rows_.seeds, width, rows_.outputs, true, e, c.place, c.copy, c.bound};
      } else {
        c.right = l == last ? rows_.seeds + e : rows_.deltas(l) + e;
        c.right_stride = l == last ? rows_.outputs : width;
      }
      return c;
    }
    return c;
  }
  __device__ float product_sum(const Column& c) const {
    float sum = 0;
    for (int k = 0; k < classes_; ++k) {
#pragma unroll 4
      for (int q = first_sample_; q < last_sample_; ++q) {
        const int64_t row = int64_t(k) * batch_ + q;
        sum = fmaf(__ldcg(c.left + row * c.left_stride), __ldcg(c.right + row * c.right_stride), sum);
      }
    }
    return sum;
  }
  __device__ CompensatedSum bias_sum(const Column& c) const {
    CompensatedSum sum;
    for (int k = 0; k < min(classes_, int(penalty_rows)); ++k) {
#pragma unroll 4
      for (int q = first_sample_; q < last_sample_; ++q) {
        const int64_t row = int64_t(k) * batch_ + q;
        float left = 1;
        if (c.left_by_sign) left = __ldcg(c.left + row * c.left_stride) > 0 ? 1.0F : net_.shape.slope;
        sum.add(__fmul_rn(left, __ldcg(c.right + row * c.right_stride)));
      }
    }
    return sum;
  }
  __device__ void column(int task, int slot) {
    const int lane = threadIdx.x % 32;
    const Column c = find_column((task - patches_of(net_.shape)) * column_size + lane);
    CompensatedSum sum;
    if (c.right != nullptr) {
      if (c.left == nullptr || c.left_by_sign) {
        sum = bias_sum(c);
      } else {
        sum.add(product_sum(c));
      }
    }
    float *sums = scratch_ + lane, *rests = sums + mlp_groups * column_size;
    sums[group_ * column_size] = sum.sum;
    rests[group_ * column_size] = sum.rest;
    __syncthreads();
    if (group_ == 0 && c.right != nullptr) {
      for (int g = 1; g < mlp_groups; ++g) {
        sum.add(sums[g * column_size]);
        sum.rest += rests[g * column_size];
      }
      const float factor = c.left_by_sign ? last_weight_[c.unit] : 1.0F;
      apply({c.place, slot + lane, c.copy}, sum.value() * factor, c.bound);
    }
    __syncthreads();
  }

  /// One weight, by its gradient: update, clip, running average. Where the team is one cluster the new weight goes into
  /// all copies of the network, which nobody reads now.
  __device__ void apply(const Weight& weight, float gradient, float bound) {
    float *first = network_.first != nullptr ? network_.first + weight.place : nullptr,
          *second = network_.second != nullptr ? network_.second + weight.place : nullptr;
    if (state_ != nullptr) {
      first = state_ + weight.slot;
      second = state_ + state_floats(net_.shape, team_.size) / 2 + weight.slot;
    }
    float w = update_(__ldcg(network_.w + weight.place), gradient, first, second);
    w = w > bound ? bound : w;  // NaN compares false and stays
    w = w < -bound ? -bound : w;
    network_.w[weight.place] = w;
    if (weight.copy != streamed && team_.is_one_cluster()) team_.store_everywhere(net_.memory + weight.copy, w);
    if (network_.average != nullptr) {
      float& average = network_.average[weight.place];
      average = network_.average_decay * average + network_.average_weight * w;
    }
    finite_ = finite_ && fabsf(w) <= FLT_MAX;
  }

  const MlpNetwork& network_;
  const Network& net_;
  const float* last_weight_;
  const Workspace<width>& rows_;
  const int batch_, classes_;
  const Team& team_;
  float *scratch_, *state_;
  const AnyUpdate& update_;
  const int group_, first_sample_, last_sample_;
  bool finite_ = true;
};

}  // namespace kantor::KANTOR_BACKEND
