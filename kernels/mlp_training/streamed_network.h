// A network whose matrices between hidden layers are too large for shared memory: they go through it in panels, while a
// tile of rows stays. For kernel files.
//
// A panel is 16 of a product's depth. Forward, [out][depth], it is 16 columns of the arena's matrix, rows 20 floats
// apart; backward, [depth][out], 16 of its rows, width + 4 floats apart: so in both the 8 lanes that read 16 bytes at
// once meet no bank twice. It holds one step of each lane, so every sum has the order that it has where the matrix is
// resident. The panels of a product after the first go on in those of the next, which so does not wait for its first.
//
// Counted a product: 4 n^2 bytes from the L2 cache for 2 n^2 rows FLOPs. A multiprocessor multiplies and adds 128
// numbers a clock and reads about 63 bytes (110 GB/s at 1.755 GHz), so from 9 rows on products take longer than loads.
#pragma once

#include "kernels/mlp_training/resident_network.h"

namespace kantor::KANTOR_BACKEND {

template <int padded_width>
struct StreamedNetwork : ResidentNetwork<padded_width, false> {
  using Small = ResidentNetwork<padded_width, false>;
  using Small::shape, Small::width, Small::stride;
  static constexpr int panel_depth = 16;
  template <MatrixRows order>
  static constexpr int panel_stride = order == MatrixRows::of_out ? panel_depth + 4 : stride;
  static constexpr int panel_floats = width * (panel_depth + 4);
  static_assert(panel_depth * stride <= panel_floats);

  float* panels;       // [stages][panel_floats]
  const int stages;    // 2 or 4: panels that are in shared memory, or on their way to it
  const float* arena;  // of the weights

  __device__ StreamedNetwork(const MlpShape& of, float* at, float* panel_memory, int panel_stages, const float* weights)
      : Small(of, at), panels(panel_memory), stages(panel_stages), arena(weights) {}

  /// As ResidentNetwork's. A barrier has passed since the product before.
  template <MatrixRows order>
  __device__ void prefetch(int l) const {
    for (int panel = 0; panel + 1 < stages; ++panel) {
      start<order>(l, panel);
      commit_copies();
    }
  }
  template <int rows, MatrixRows order, class Use>
  __device__ void multiply(const float* a, int l, int next, const Use& use) const {
    RowProduct<rows, width, order> product;
    const int own = count<order>(l);
#pragma unroll 1
    for (int panel = 0; panel < own; ++panel) {
      await_panel();
      __syncthreads();  // it is all there, and nobody reads the one before, whose place is the next one's
      const int ahead = panel + stages - 1;
      if (ahead < own) {
        start<order>(l, ahead);
      } else if (next != 0) {
        start<order>(next, ahead - own);
      }
      commit_copies();
      product.template add<panel_depth, panel_stride<order>>(a + panel * panel_depth, at(panel));
    }
    product.finish(use);
  }

 private:
  /// Of a product with layer l: those that hold its depth, a multiple of 4, so that each product begins at the first
  /// place.
  template <MatrixRows order>
  __device__ int count(int l) const {
    const int depth = order == MatrixRows::of_out ? shape.layers[l].in : shape.layers[l].out;
    return (depth + 4 * panel_depth - 1) / (4 * panel_depth) * 4;
  }
  __device__ float* at(int panel) const {
    return panels + (panel & (stages - 1)) * panel_floats;
  }
  __device__ void await_panel() const {
    if (stages == 4) {
      await_copies<2>();
    } else {
      await_copies<0>();
    }
  }
  /// Starts the copy of a panel, past the L1 cache, which may hold the weights of the last update.
  template <MatrixRows order>
  __device__ void start(int l, int panel) const {
    const MlpLayer& layer = shape.layers[l];
    const float* from = arena + layer.weight;
    constexpr int across = order == MatrixRows::of_out ? panel_depth : width, copies = width * panel_depth / 4;
    const int first_row = order == MatrixRows::of_out ? 0 : panel * panel_depth,
              first_column = order == MatrixRows::of_out ? panel * panel_depth : 0;
    const bool fours = layer.in % 4 == 0;  // rows of an arena begin at multiples of 64 bytes
    const SharedFloats shared(at(panel));
    for (int i = threadIdx.x; i < copies; i += mlp_threads) {
      const int row = i / (across / 4), column = i % (across / 4) * 4;
      const int out = first_row + row, in = first_column + column;
      const bool inside = out < layer.out && in < layer.in;
      if (fours) {
        copy_async<4>(shared + (row * panel_stride<order> + column), from + (inside ? out * layer.in + in : 0), inside);
      } else {
        float* to = at(panel) + row * panel_stride<order> + column;
        for (int k = 0; k < 4; ++k) to[k] = inside && in + k < layer.in ? __ldcg(from + out * layer.in + in + k) : 0.0F;
      }
    }
  }
};

/// The network of kernels of a width: two matrices of 256 x 256 are 532 kB, and a block has 227.
template <int width, bool streams = (width > mlp_widest_resident)>
struct NetworkOf {
  using type = ResidentNetwork<width>;
};
template <int width>
struct NetworkOf<width, true> {
  using type = StreamedNetwork<width>;
};

}  // namespace kantor::KANTOR_BACKEND
