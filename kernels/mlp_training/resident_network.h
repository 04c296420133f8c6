// One network in shared memory, its layers as wide as the widest kernel column, padded with zeros: units that a layer
// does not have are 0, have weights 0, and get gradients 0. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/compile.h"
#include "kernels/mlp_training.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

/// Floats from one row of a matrix [.., width] to the next: rows begin 4 banks apart, so that 8 neighbours read 16
/// bytes each without a conflict.
KANTOR_FUNCTION constexpr int stride_of(int width) {
  return width + 4;
}
KANTOR_FUNCTION constexpr int up_to_four(int n) {
  return (n + 3) / 4 * 4;
}

/// In order: the matrices between hidden layers, [width][stride] each; the biases of hidden layers, [width] each; the
/// first layer's weight [width][first_stride]; the last layer's, [out][stride], and its bias. Places are computed:
/// arrays of pointers would lie in a GPU's slow local memory.
template <int width>
struct ResidentNetwork {
  static constexpr int stride = stride_of(width);

  const MlpShape& shape;
  float* memory;

  /// The first layer's rows are short: an odd stride keeps neighbours on different banks.
  KANTOR_FUNCTION static int first_stride(const MlpShape& shape) { return shape.layers[0].in | 1; }
  KANTOR_FUNCTION static int floats(const MlpShape& shape) {
    return (shape.count - 2) * width * stride + (shape.count - 1) * width + width * up_to_four(first_stride(shape)) +
           shape.layers[shape.count - 1].out * stride + up_to_four(shape.layers[shape.count - 1].out);
  }

  __device__ ResidentNetwork(const MlpShape& of, float* at) : shape(of), memory(at) {}

  /// Of layer l, not the first and not the last.
  __device__ float* matrix(int l) const { return memory + (l - 1) * width * stride; }
  /// Of layer l, not the last.
  __device__ float* bias(int l) const { return memory + (shape.count - 2) * width * stride + l * width; }
  __device__ float* first_weight() const { return bias(shape.count - 1); }
  __device__ float* last_weight() const { return first_weight() + width * up_to_four(first_stride(shape)); }
  __device__ float* last_bias() const { return last_weight() + shape.layers[shape.count - 1].out * stride; }

  /// Loads the weights from an arena, past the L1 cache, which may hold those of the last update. Begins and ends with
  /// a barrier.
  __device__ void load(const float* arena) const {
    const int last = shape.count - 1;
    __syncthreads();
    for (int l = 1; l <= last; ++l) {
      const MlpLayer& layer = shape.layers[l];
      load_rows(l == last ? last_weight() : matrix(l), l == last ? layer.out : width, layer, arena + layer.weight);
    }
    load_first(arena + shape.layers[0].weight);
    for (int l = 0; l <= last; ++l) {
      const MlpLayer& layer = shape.layers[l];
      float* to = l == last ? last_bias() : bias(l);
      for (int i = threadIdx.x; i < (l == last ? layer.out : width); i += blockDim.x) {
        to[i] = i < layer.out ? __ldcg(arena + layer.bias + i) : 0.0F;
      }
    }
    commit_copies();
    await_copies<0>();
    __syncthreads();
  }

 private:
  __device__ static void load_rows(float* to, int rows, const MlpLayer& layer, const float* from) {
    if (layer.in % 4 == 0) {  // rows of an arena begin at multiples of 64 bytes
      const SharedFloats shared(to);
      for (int i = threadIdx.x; i < rows * (width / 4); i += blockDim.x) {
        const int row = i / (width / 4), column = i % (width / 4) * 4;
        const bool inside = row < layer.out && column < layer.in;
        copy_async<4>(shared + (row * stride + column), from + (inside ? row * layer.in + column : 0), inside);
      }
    } else {
      for (int i = threadIdx.x; i < rows * width; i += blockDim.x) {
        const int row = i / width, column = i % width;
        const bool inside = row < layer.out && column < layer.in;
        to[row * stride + column] = inside ? __ldcg(from + row * layer.in + column) : 0.0F;
      }
    }
  }
  __device__ void load_first(const float* from) const {
    const MlpLayer& layer = shape.layers[0];
    for (int i = threadIdx.x; i < width * layer.in; i += blockDim.x) {
      const int row = i / layer.in;
      first_weight()[row * first_stride(shape) + i % layer.in] = row < layer.out ? __ldcg(from + i) : 0.0F;
    }
  }
};

}  // namespace kantor::KANTOR_BACKEND
