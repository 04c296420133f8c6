// The weight gradients of an update, each summed and applied by the one block that owns the weight. For kernel files.
//
// A gradient is a sum over the rows of the workspace: 8 groups of neighbouring samples, a warp each, every group in the
// order of its rows, then the groups in their order. That depends on the batch alone, so every team makes the same
// bits. Hidden matrices are cut into patches, 8 x 4 lanes of `lane_tile` x `lane_tile` numbers; large ones read less,
// small ones keep more blocks busy. What is left (first and last layer, biases) are columns, 32 at a time.
//
// Counted, with l = lane_tile: a patch of 32 l^2 weights reads 48 l bytes a row from the L2 cache for 64 l^2 FLOPs,
// 0.75 / l bytes a FLOP. Once an update each weight, its state and its average are read and written, 4 bytes each way.
#pragma once

#include "kernels/block.h"
#include "kernels/mlp_training/any_update.h"
#include "kernels/mlp_training/resident_network.h"
#include "kernels/mlp_training/team.h"
#include "kernels/mlp_training/workspace.h"

#include <cfloat>

namespace kantor::KANTOR_BACKEND {

template <class Network>
class WeightUpdate {
  static constexpr int width = Network::width;

 public:
  /// Of `network`, from `classes` classes of rows. `scratch` and `update` are in shared memory, and so are `net`, whose
  /// weights become the new ones where the team is one cluster, and `last_weight`, the last layer's before the update,
  /// of one output.
  __device__ WeightUpdate(const MlpNetwork& network, const Network& net, const float* last_weight,
                          const Workspace<width>& rows, const Team& team, int batch, int classes, float* scratch,
                          const AnyUpdate& update)
      : network_(network),
        net_(net),
        last_weight_(last_weight),
        rows_(rows),
        team_(team),
        batch_(batch),
        classes_(classes),
        scratch_(scratch),
        update_(update),
        group_(threadIdx.x / 32),
        first_sample_(group_ * batch / mlp_groups),
        last_sample_((group_ + 1) * batch / mlp_groups) {}

  /// This block's share. Returns whether all weights that this thread has updated are finite.
  template <int lane_tile>
  __device__ bool run() {
    constexpr int across = width / (8 * lane_tile), down = width / (4 * lane_tile);
    const int matrices = net_.shape.count - 2, patches = matrices * across * down;
    const int tasks = patches + (columns() + 31) / 32;
#pragma unroll 1
    for (int task = team_.rank; task < tasks; task += team_.size) {
      if (task < patches) {
        const int layer = 1 + task / (across * down), place = task % (across * down);
        patch<lane_tile>(layer, place / across * (4 * lane_tile), place % across * (8 * lane_tile));
      } else {
        column(task - patches);
      }
    }
    return finite_;
  }
  static constexpr int scratch_floats(int lane_tile) {
    return mlp_groups * 32 * lane_tile * lane_tile;
  }

 private:
  /// Weights [out_begin, ..) x [in_begin, ..) of a hidden layer.
  template <int lane_tile>
  __device__ void patch(int layer, int out_begin, int in_begin) {
    constexpr int ins = 8 * lane_tile, outs = 4 * lane_tile;
    const int lane = threadIdx.x % 32, lane_in = lane % 8 * lane_tile, lane_out = lane / 8 * lane_tile;
    const float* left = rows_.activations(layer - 1) + in_begin + lane_in;
    const float* right = rows_.deltas(layer) + out_begin + lane_out;
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
    float* mine = scratch_ + group_ * (ins * outs);
#pragma unroll
    for (int j = 0; j < lane_tile; ++j) {
#pragma unroll
      for (int i = 0; i < lane_tile; ++i) mine[(lane_out + j) * ins + lane_in + i] = sums[j * lane_tile + i];
    }
    __syncthreads();
    const MlpLayer& l = net_.shape.layers[layer];
    for (int e = threadIdx.x; e < ins * outs; e += blockDim.x) {
      const int out = out_begin + e / ins, in = in_begin + e % ins;
      if (out < l.out && in < l.in) {
        const int copy =
            Network::holds_matrices ? resident(net_.matrix(layer)) + out * stride_of(width) + in : streamed;
        apply(l.weight + int64_t(out) * l.in + in, copy, groups(e, ins * outs), network_.weight_bound);
      }
    }
    __syncthreads();
  }

  template <int count>
  __device__ static void read(const float* from, float (&to)[count]) {
    struct alignas(16) Four {
      float v[4];
    };
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

  __device__ int resident(const float* at) const {
    return int(at - net_.memory);
  }
  /// In place of that: of a weight that is not in shared memory.
  static constexpr int streamed = -1;

  /// A parameter outside the hidden matrices: the sum over rows of left x right.
  struct Column {
    const float* left = nullptr;   // null: 1, of a bias, which the penalty's rows do not change
    const float* right = nullptr;  // null: there is no such column
    int left_stride = 0, right_stride = 0;
    bool left_by_sign = false;  // the activation's derivative in place of the activation
    float factor = 1;           // of the whole sum
    int64_t place = 0;
    int resident = 0;  // its place in the block's copy of the network
    float bound = 0;
  };
  __device__ int columns() const {
    const MlpShape& s = net_.shape;
    int count = s.layers[0].in * s.layers[0].out + s.layers[s.count - 1].in * s.layers[s.count - 1].out;
    for (int l = 0; l < s.count; ++l) count += s.layers[l].out;
    return count;
  }
  __device__ Column find_column(int e) const {
    const MlpShape& s = net_.shape;
    const int last = s.count - 1;
    const MlpLayer &first = s.layers[0], &end = s.layers[last];
    Column c;
    if (e < first.in * first.out) {
      c = {rows_.inputs + e % first.in, rows_.deltas(0) + e / first.in, rows_.features, width};
      c.place = first.weight + e;
      c.resident = resident(net_.first_weight()) + e / first.in * Network::first_stride(s) + e % first.in;
      c.bound = network_.weight_bound;
      return c;
    }
    e -= first.in * first.out;
    if (e < end.in * end.out) {
      c = {rows_.activations(last - 1) + e % end.in, rows_.seeds + e / end.in, width, rows_.outputs};
      c.place = end.weight + e;
      c.resident = resident(net_.last_weight()) + e / end.in * stride_of(width) + e % end.in;
      c.bound = network_.weight_bound;
      return c;
    }
    e -= end.in * end.out;
    c.bound = network_.bias_bound;
    for (int l = 0; l < s.count; e -= s.layers[l].out, ++l) {
      if (e >= s.layers[l].out) continue;
      c.place = s.layers[l].bias + e;
      c.resident = resident(l == last ? net_.last_bias() : net_.bias(l)) + e;
      if (l + 2 == s.count && end.out == 1) {
        // Deltas here are seeds x derivative x one weight. Without the weight a sum that is 0, as that of a unit that
        // is on for every row, comes out as 0, and not as rounding that Adam turns into a whole step.
        c = {rows_.activations(l) + e, rows_.seeds, width,      rows_.outputs, true,
             last_weight_[e],          c.place,     c.resident, c.bound};
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
  /// A real sample and a generated one are added first: where both turn a unit on alike, that is exactly 0.
  __device__ float bias_sum(const Column& c) const {
    float sum = 0;
#pragma unroll 4
    for (int q = first_sample_; q < last_sample_; ++q) {
      float both = 0;
      for (int k = 0; k < min(classes_, int(penalty_rows)); ++k) {
        const int64_t row = int64_t(k) * batch_ + q;
        float left = 1;
        if (c.left_by_sign) left = __ldcg(c.left + row * c.left_stride) > 0 ? 1.0F : net_.shape.slope;
        both = __fadd_rn(both, __fmul_rn(left, __ldcg(c.right + row * c.right_stride)));
      }
      sum += both;
    }
    return sum;
  }
  __device__ void column(int task) {
    const int lane = threadIdx.x % 32;
    const Column c = find_column(task * 32 + lane);
    float sum = 0;
    if (c.right != nullptr) sum = c.left == nullptr || c.left_by_sign ? bias_sum(c) : product_sum(c);
    scratch_[group_ * 32 + lane] = sum;
    __syncthreads();
    if (group_ == 0 && c.right != nullptr) apply(c.place, c.resident, groups(lane, 32) * c.factor, c.bound);
    __syncthreads();
  }

  /// One weight, by its gradient: update, clip, running average. Where the team is one cluster the new weight goes into
  /// all copies of the network, which nobody reads now.
  __device__ void apply(int64_t place, int resident, float gradient, float bound) {
    float w =
        update_(__ldcg(network_.w + place), gradient, network_.first != nullptr ? network_.first + place : nullptr,
                network_.second != nullptr ? network_.second + place : nullptr);
    w = w > bound ? bound : w;  // NaN compares false and stays
    w = w < -bound ? -bound : w;
    network_.w[place] = w;
    if (resident != streamed && team_.is_one_cluster()) team_.store_everywhere(net_.memory + resident, w);
    if (network_.average != nullptr) {
      float& average = network_.average[place];
      average = network_.average_decay * average + network_.average_weight * w;
    }
    finite_ = finite_ && fabsf(w) <= FLT_MAX;
  }

  const MlpNetwork& network_;
  const Network& net_;
  const float* last_weight_;
  const Workspace<width>& rows_;
  const Team& team_;
  const int batch_, classes_;
  float* scratch_;
  const AnyUpdate& update_;
  const int group_, first_sample_, last_sample_;
  bool finite_ = true;
};

}  // namespace kantor::KANTOR_BACKEND
