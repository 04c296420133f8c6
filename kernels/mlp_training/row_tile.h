// A tile: the rows of some samples, on which a block runs a network forward, backward and along a tangent. For kernel
// files.
//
// Rows are ordered by class: all real ones, all generated ones, all points of the penalty. Counted, in units of 2 n^2
// FLOPs a row and hidden layer after the first: forward 1, backward 1, tangent 1 for a third of the rows.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/mlp_training/row_product.h"
#include "kernels/mlp_training/streamed_network.h"
#include "kernels/mlp_training/tensor_row_product.h"
#include "kernels/mlp_training/workspace.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND {

template <int width, int tile_rows, Arithmetic arithmetic>
struct RowTile {
  static constexpr int rows = tile_rows, third = rows / 3, stride = stride_of(width);
  static constexpr int array_floats = rows * stride;
  template <int count, MatrixRows order>
  using Product = std::conditional_t<arithmetic == Arithmetic::float32, RowProduct<count, width, order>,
                                     TensorRowProduct<count, width, order>>;

  float* big;         // [hidden layers + 2][rows][stride]: activations, and two arrays of deltas
  float* inputs;      // [rows][features]
  float* directions;  // [third][features]: the penalty's derivative by the input gradient
  float* seeds;       // [rows][outputs]
  float* results;     // [rows][features]: outputs, or gradients by the inputs
  int features, outputs;

  KANTOR_FUNCTION static int floats(const MlpTraining& t) {
    const int features = Workspace<width>::features_of(t), outputs = Workspace<width>::outputs_of(t);
    return up_to_four(rows * features) + up_to_four(third * features) + up_to_four(rows * outputs) +
           up_to_four(rows * features);
  }
  KANTOR_FUNCTION static int big_floats(const MlpTraining& t) {
    return (Workspace<width>::hidden_of(t) + 2) * array_floats;
  }

  /// `big` is memory that something else may use between tiles, `small` is not.
  __device__ RowTile(const MlpTraining& t, float* big_memory, float* small_memory)
      : big(big_memory),
        inputs(small_memory),
        directions(inputs + up_to_four(rows * Workspace<width>::features_of(t))),
        seeds(directions + up_to_four(third * Workspace<width>::features_of(t))),
        results(seeds + up_to_four(rows * Workspace<width>::outputs_of(t))),
        features(Workspace<width>::features_of(t)),
        outputs(Workspace<width>::outputs_of(t)) {}

  /// [rows][stride], of hidden layer l.
  __device__ float* activations(int l) const { return big + l * array_floats; }

  __device__ static float activate(float x, float slope) { return x > 0 ? x : slope * x; }
  /// By its value: the sign of an activation is that of what it was made of.
  __device__ static float derivative(float activation, float slope) { return activation > 0 ? 1.0F : slope; }

  /// Inputs to activations. Begins and ends with a barrier.
  template <class Network>
  __device__ void forward(const Network& net) const {
    const MlpShape& shape = net.shape;
    const int in = shape.layers[0].in, first_stride = Network::first_stride(shape);
    __syncthreads();
    if (shape.count > 2) net.template prefetch<MatrixRows::of_out>(1);
    for (int i = threadIdx.x; i < rows * width; i += mlp_threads) {
      const int row = i / width, unit = i % width;
      float sum = 0;
      for (int d = 0; d < in; ++d) {
        sum = fmaf(inputs[row * features + d], net.first_weight()[unit * first_stride + d], sum);
      }
      activations(0)[row * stride + unit] = activate(sum + net.bias(0)[unit], shape.slope);
    }
    __syncthreads();
    for (int l = 1; l + 1 < shape.count; ++l) {
      net.template multiply<Product<rows, MatrixRows::of_out>>(
          activations(l - 1), l, l + 2 < shape.count ? l + 1 : 0, [&](int row, int unit, float sum) {
            activations(l)[row * stride + unit] = activate(sum + net.bias(l)[unit], shape.slope);
          });
      __syncthreads();
    }
  }

  /// Activations to results: the network's outputs. Ends with a barrier.
  template <class Network>
  __device__ void output(const Network& net) const {
    const int last = net.shape.count - 1, out = net.shape.layers[last].out;
    for (int i = threadIdx.x / 32; i < rows * out; i += mlp_threads / 32) {
      const int row = i / out, o = i % out;
      float sum = 0;
      for (int k = threadIdx.x % 32; k < width; k += 32) {
        sum = fmaf(activations(last - 1)[row * stride + k], net.last_weight()[o * stride + k], sum);
      }
      sum = warp_sum(sum);
      if (threadIdx.x % 32 == 0) results[row * features + o] = sum + net.last_bias()[o];
    }
    __syncthreads();
  }

  /// Seeds to deltas; `seen(layer, delta)` is called with each layer's, after a barrier. Returns that of layer 0.
  /// Begins with seeds that a barrier has published, and ends with a barrier.
  template <class Network, class Seen>
  __device__ const float* backward(const Network& net, const Seen& seen) const {
    const MlpShape& shape = net.shape;
    const int last = shape.count - 1, out = shape.layers[last].out;
    if (last > 1) net.template prefetch<MatrixRows::of_depth>(last - 1);
    float *now = activations(last), *next = now + array_floats;  // behind this network's activations
    for (int i = threadIdx.x; i < rows * width; i += mlp_threads) {
      const int row = i / width, unit = i % width;
      float sum = 0;
      for (int o = 0; o < out; ++o) sum = fmaf(seeds[row * outputs + o], net.last_weight()[o * stride + unit], sum);
      now[row * stride + unit] = sum * derivative(activations(last - 1)[row * stride + unit], shape.slope);
    }
    __syncthreads();
    for (int l = last - 1; l > 0; --l) {
      seen(l, now);
      net.template multiply<Product<rows, MatrixRows::of_depth>>(now, l, l - 1, [&](int row, int unit, float sum) {
        next[row * stride + unit] = sum * derivative(activations(l - 1)[row * stride + unit], shape.slope);
      });
      __syncthreads();
      float* const before = now;
      now = next;
      next = before;
    }
    seen(0, now);
    return now;
  }

  /// Deltas of layer 0 to results [first_row, rows): the gradients by the inputs. Ends with a barrier.
  template <class Network>
  __device__ void input_gradients(const Network& net, const float* delta_0, int first_row) const {
    const int in = net.shape.layers[0].in, first_stride = Network::first_stride(net.shape);
    for (int i = threadIdx.x / 32; i < (rows - first_row) * in; i += mlp_threads / 32) {
      const int row = first_row + i / in, d = i % in;
      float sum = 0;
      for (int unit = threadIdx.x % 32; unit < width; unit += 32) {
        sum = fmaf(delta_0[row * stride + unit], net.first_weight()[unit * first_stride + d], sum);
      }
      sum = warp_sum(sum);
      if (threadIdx.x % 32 == 0) results[row * features + d] = sum;
    }
    __syncthreads();
  }

  /// The last third's activations become the tangents along `directions`. Begins with directions that a barrier has
  /// published, and ends with a barrier.
  template <class Network>
  __device__ void tangent(const Network& net) const {
    const MlpShape& shape = net.shape;
    const int in = shape.layers[0].in, first_stride = Network::first_stride(shape);
    constexpr int begin = (rows - third) * stride;
    if (shape.count > 2) net.template prefetch<MatrixRows::of_out>(1);
    for (int i = threadIdx.x; i < third * width; i += mlp_threads) {
      const int row = i / width, unit = i % width;
      float sum = 0;
      for (int d = 0; d < in; ++d) {
        sum = fmaf(directions[row * features + d], net.first_weight()[unit * first_stride + d], sum);
      }
      float& a = activations(0)[begin + row * stride + unit];
      a = sum * derivative(a, shape.slope);
    }
    __syncthreads();
    for (int l = 1; l + 1 < shape.count; ++l) {
      net.template multiply<Product<third, MatrixRows::of_out>>(
          activations(l - 1) + begin, l, l + 2 < shape.count ? l + 1 : 0, [&](int row, int unit, float sum) {
            float& a = activations(l)[begin + row * stride + unit];
            a = sum * derivative(a, shape.slope);
          });
      __syncthreads();
    }
  }
};

}  // namespace kantor::KANTOR_BACKEND
