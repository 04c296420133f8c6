// One network in shared memory, its layers as wide as the widest kernel column, padded with zeros: units that a layer
// does not have are 0, have weights 0, and get gradients 0. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/mlp_training.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

/// Floats from one row of a matrix [.., width] to the next: rows begin 4 banks apart, so that 8 neighbours read 16 bytes
/// each without a conflict.
KANTOR_FUNCTION constexpr int stride_of(int width) {
  return width + 4;
}
KANTOR_FUNCTION constexpr int up_to_four(int n) {
  return (n + 3) / 4 * 4;
}

/// Where the layers of a shape lie.
template <int width>
struct ResidentNetwork {
  float* weights[mlp_most_layers];  // [units][stride]
  float* biases[mlp_most_layers];
  MlpShape shape;

  KANTOR_FUNCTION static int units(const MlpShape& shape, int layer) {
    return layer + 1 == shape.count ? shape.layers[layer].out : width;
  }
  /// The first layer's rows are short: an odd stride keeps neighbours on different banks.
  KANTOR_FUNCTION static int stride(const MlpShape& shape, int layer) {
    return layer == 0 ? shape.layers[0].in | 1 : stride_of(width);
  }
  KANTOR_FUNCTION static int floats(const MlpShape& shape) {
    int sum = 0;
    for (int l = 0; l < shape.count; ++l) {
      sum += up_to_four(units(shape, l) * stride(shape, l)) + up_to_four(units(shape, l));
    }
    return sum;
  }

  __device__ ResidentNetwork(const MlpShape& of, float* memory) : shape(of) {
    for (int l = 0; l < shape.count; ++l) {
      weights[l] = memory;
      memory += up_to_four(units(shape, l) * stride(shape, l));
      biases[l] = memory;
      memory += up_to_four(units(shape, l));
    }
  }

  /// Loads the weights from an arena, past the L1 cache, which may hold those of the last update. Begins and ends with a
  /// barrier.
  __device__ void load(const float* arena) const {
    __syncthreads();
    for (int l = 0; l < shape.count; ++l) {
      const MlpLayer& layer = shape.layers[l];
      const int rows = units(shape, l), row_stride = stride(shape, l), columns = l == 0 ? layer.in : width;
      const float* from = arena + layer.weight;
      if (layer.in % 4 == 0 && l > 0) {  // rows of an arena begin at multiples of 64 bytes
        const SharedFloats to(weights[l]);
        for (int i = threadIdx.x; i < rows * (width / 4); i += blockDim.x) {
          const int row = i / (width / 4), column = i % (width / 4) * 4;
          const bool inside = row < layer.out && column < layer.in;
          copy_async<4>(to + (row * row_stride + column), from + (inside ? row * layer.in + column : 0), inside);
        }
      } else {
        for (int i = threadIdx.x; i < rows * columns; i += blockDim.x) {
          const int row = i / columns, column = i % columns;
          const bool inside = row < layer.out && column < layer.in;
          weights[l][row * row_stride + column] = inside ? __ldcg(from + row * layer.in + column) : 0.0F;
        }
      }
      for (int row = threadIdx.x; row < rows; row += blockDim.x) {
        biases[l][row] = row < layer.out ? __ldcg(arena + layer.bias + row) : 0.0F;
      }
    }
    commit_copies();
    await_copies<0>();
    __syncthreads();
  }
};

}  // namespace kantor::KANTOR_BACKEND
