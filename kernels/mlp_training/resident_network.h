// One network in shared memory, its layers as wide as the widest kernel column, padded with zeros: units that a layer
// does not have are 0, have weights 0, and get gradients 0. For kernel files.
#pragma once

#include "kernels/mlp_training.h"
#include "kernels/mlp_training/cluster_load.h"
#include "kernels/mlp_training/network_layout.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

/// In order: the matrices between hidden layers, [width][stride] each, but for a network that streams them
/// (streamed_network.h); the biases of hidden layers, [width] each; the first layer's weight [width][first_stride]; the
/// last layer's, [out][stride], and its bias. Places are computed: arrays of pointers would lie in a GPU's slow local
/// memory.
template <int padded_width, bool matrices_inside = true>
struct ResidentNetwork {
  static constexpr int width = padded_width, stride = stride_of(width), panel_floats = 0;
  static constexpr bool holds_matrices = matrices_inside;

  const MlpShape& shape;
  float* memory;

  /// The first layer's rows are short: an odd stride keeps neighbours on different banks.
  KANTOR_FUNCTION static int first_stride(const MlpShape& shape) { return shape.layers[0].in | 1; }
  KANTOR_FUNCTION static int floats(const MlpShape& shape) {
    return matrices(shape) * width * stride + (shape.count - 1) * width + width * up_to_four(first_stride(shape)) +
           shape.layers[shape.count - 1].out * stride + up_to_four(shape.layers[shape.count - 1].out);
  }
  KANTOR_FUNCTION static int matrices(const MlpShape& shape) { return holds_matrices ? shape.count - 2 : 0; }

  __device__ ResidentNetwork(const MlpShape& of, float* at) : shape(of), memory(at) {}

  /// Of layer l, not the first and not the last.
  __device__ float* matrix(int l) const { return memory + (l - 1) * width * stride; }
  /// Of layer l, not the last.
  __device__ float* bias(int l) const { return memory + matrices(shape) * width * stride + l * width; }
  __device__ float* first_weight() const { return bias(shape.count - 1); }
  __device__ float* last_weight() const { return first_weight() + width * up_to_four(first_stride(shape)); }
  __device__ float* last_bias() const { return last_weight() + shape.layers[shape.count - 1].out * stride; }

  /// Loads the weights from an arena, past the L1 cache, which may hold those of the last update. Begins and ends with
  /// a barrier.
  __device__ void load(const float* arena) const {
    __syncthreads();
    for (int l = 1; l < shape.count - 1 && holds_matrices; ++l) {
      load_rows(matrix(l), width, shape.layers[l], arena + shape.layers[l].weight);
    }
    load_small(arena);
    commit_copies();
    await_copies<0>();
    __syncthreads();
  }

  /// The same by all blocks of a cluster together, where rows of the matrices are multiples of 4 floats. A barrier of
  /// the cluster comes before, and none of its blocks reads the network behind it. Ends with a barrier of the block.
  __device__ void load(const float* arena, ClusterLoad& together) const {
    if (threadIdx.x == 0) together.expect(matrix_bytes());
    int row = cluster_rank() + int(threadIdx.x) * cluster_blocks();  // of all matrices, one below the other
    if (row < matrix_rows()) fence_async_proxy();
    for (int l = 1; l < shape.count - 1; ++l) {
      const MlpLayer& layer = shape.layers[l];
      for (; row < layer.out; row += int(blockDim.x) * cluster_blocks()) {
        together.copy(matrix(l) + row * stride, arena + layer.weight + row * layer.in, layer.in);
      }
      row -= layer.out;
      clear_padding(l);
    }
    load_small(arena);
    commit_copies();
    await_copies<0>();
    together.await();
    __syncthreads();
  }

  /// A product with the matrix of layer l begins a chain, or follows one: a network that streams its matrices copies
  /// the first panels ahead.
  template <MatrixRows order>
  __device__ void prefetch(int /*l*/) const {}
  /// Calls use(row, column, sum) for each number of a [rows][.] x the matrix of layer l, once in all, as Product makes
  /// them (row_product.h). `next` is the layer of the chain's next product, in the same order, or 0.
  template <class Product, class Use>
  __device__ void multiply(const float* a, int l, int /*next*/, const Use& use) const {
    Product product;
    product.template add<width, stride>(a, matrix(l));
    product.finish(use);
  }

 private:
  __device__ int matrix_rows() const {
    int rows = 0;
    for (int l = 1; l < shape.count - 1; ++l) rows += shape.layers[l].out;
    return rows;
  }
  __device__ int matrix_bytes() const {
    int floats = 0;
    for (int l = 1; l < shape.count - 1; ++l) floats += shape.layers[l].out * shape.layers[l].in;
    return floats * int(sizeof(float));
  }
  /// Zeros for units that layer l does not have: another network may have been there.
  __device__ void clear_padding(int l) const {
    const MlpLayer& layer = shape.layers[l];
    if (layer.out == width && layer.in == width) return;
    for (int i = threadIdx.x; i < width * (width / 4); i += blockDim.x) {
      const int row = i / (width / 4), column = i % (width / 4) * 4;
      if (row < layer.out && column < layer.in) continue;
      *reinterpret_cast<float4*>(matrix(l) + row * stride + column) = make_float4(0, 0, 0, 0);
    }
  }
  /// What each block loads for itself: the first and last layers' weights, and the biases.
  __device__ void load_small(const float* arena) const {
    const int last = shape.count - 1;
    load_rows(last_weight(), shape.layers[last].out, shape.layers[last], arena + shape.layers[last].weight);
    load_first(arena + shape.layers[0].weight);
    for (int l = 0; l <= last; ++l) {
      const MlpLayer& layer = shape.layers[l];
      float* to = l == last ? last_bias() : bias(l);
      for (int i = threadIdx.x; i < (l == last ? layer.out : width); i += blockDim.x) {
        to[i] = i < layer.out ? __ldcg(arena + layer.bias + i) : 0.0F;
      }
    }
  }
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
