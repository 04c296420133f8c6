// The tile engine: C [m, n] = epilogue(A [m, k] B [k, n]), where A and B are views. For kernel files.
//
// Copies fill a ring of stages in shared memory while the oldest is multiplied; one barrier a stage: it tells a warp
// both that the next stage is there and that the one before, which is filled next, is read. Where the tiles of C are
// too few for a GPU, k is split as well: each block leaves its partial tile in memory, and the last one adds them in
// the order of the splits; where the splits are many, a second kernel does. There are no float atomics, the order of
// every sum is fixed.
//
// Counted: 2 m n k FLOPs. Through shared memory go rows + columns numbers for rows x columns products; from the caches
// m n k (1 / columns + 1 / rows) numbers, from memory at least each operand once. A split adds its tile, written and
// read once: 8 m n splits bytes.
#pragma once

#include "kernels/block.h"
#include "kernels/epilogue.h"
#include "kernels/products/multiply_add.h"
#include "kernels/products/operands.h"
#include "kernels/products/products.h"
#include "kernels/products/rounded_copies.h"
#include "kernels/products/stage_copies.h"
#include "kernels/products/tensor_core.h"
#include "kernels/products/warpgroup.h"

#include <cfloat>
#include <type_traits>

namespace kantor::KANTOR_BACKEND {

// A problem is what gives a tile kernel its operands, a class with
//   static constexpr bool single_right      see is_compiled
//   using Left, Right                       views
//   Left left; Right right; int m, n, k
//   bool enter(int part)                    sets the views and sizes of a part of the launch; false if it is empty
//   int place(int row) const                where a row of C begins in the output

template <Tiling tiling, Arithmetic arithmetic, class Problem>
struct ChooseMultiplier {
  using Type = TensorCore<tiling, arithmetic, Problem::Left::along_k, Problem::Right::along_k>;
};
template <Tiling tiling, Arithmetic arithmetic, class Problem>
requires(arithmetic == Arithmetic::float32) struct ChooseMultiplier<tiling, arithmetic, Problem> {
  using Type = MultiplyAdd<tiling, Problem::Left::along_k, Problem::Right::along_k>;
};
template <Tiling tiling, Arithmetic arithmetic, class Problem>
requires(tiling.warpgroups) struct ChooseMultiplier<tiling, arithmetic, Problem> {
  using Type = WarpgroupProduct<tiling, arithmetic>;
};

/// An element of C over [k_begin, k_end), in float32 and in the order of k.
template <class Problem>
__device__ float plain_sum(const Problem& problem, int row, int column, int k_begin, int k_end) {
  const auto of_left = problem.left.row(row, true);
  const auto of_right = problem.right.row(column, true);
  float sum = 0;
  for (int k = k_begin; k < k_end; ++k) {
    int left = 0, right = 0;
    const bool has_left = problem.left.find(of_left, problem.left.cursor(k), true, left);
    const bool has_right = problem.right.find(of_right, problem.right.cursor(k), true, right);
    sum = fmaf(has_left ? problem.left.data[left] : 0.0F, has_right ? problem.right.data[right] : 0.0F, sum);
  }
  return sum;
}

template <Tiling tiling, Arithmetic arithmetic, int vector_a, int vector_b, class Problem>
class Tile {
  using Left = typename Problem::Left;
  using Right = typename Problem::Right;
  using Multiply = typename ChooseMultiplier<tiling, arithmetic, Problem>::Type;
  static constexpr int left_floats = tiling.floats(Left::along_k, tiling.rows);
  static constexpr int stage_floats = tiling.stage_floats(Left::along_k, Right::along_k);
  static constexpr int unit = Multiply::unit;
  static constexpr int units = Multiply::units / tiling.slices;  // that a thread finishes
  static_assert(Multiply::units % tiling.slices == 0);

 public:
  __device__ Tile(const Problem& problem, int tile_row, int tile_column, int k_begin, int k_end)
      : problem_(problem),
        row_(tile_row * tiling.rows),
        column_(tile_column * tiling.columns),
        k_begin_(k_begin),
        k_end_(k_end),
        multiply_(threadIdx.x) {}

  /// This thread's sums over the tile's k.
  __device__ void multiply() {
    if constexpr (tiling.warpgroups) {
      multiply_by_warpgroups();
    } else {
      multiply_by_warps();
    }
  }

  /// Leaves the sums at `partial`, first the first ones of all threads: so that a warp writes side by side.
  __device__ void leave(float* partial) const {
#pragma unroll
    for (int u = 0; u < units; ++u) {
#pragma unroll
      for (int j = 0; j < unit; ++j) partial[(u * unit + j) * tiling.threads() + threadIdx.x] = sums_[u][j];
    }
  }
  /// Replaces the sums by those of `count` partial tiles, which other blocks have left, added in their order.
  __device__ void collect(const float* partials, int count) {
#pragma unroll
    for (int u = 0; u < units; ++u) {
#pragma unroll
      for (int j = 0; j < unit; ++j) sums_[u][j] = 0.0F;
    }
#pragma unroll 1
    for (int s = 0; s < count; ++s) {
      const float* from = partials + int64_t(s) * (tiling.rows * tiling.columns);
#pragma unroll
      for (int u = 0; u < units; ++u) {
#pragma unroll
        for (int j = 0; j < unit; ++j) sums_[u][j] += __ldcg(from + (u * unit + j) * tiling.threads() + threadIdx.x);
      }
    }
  }

  /// Writes finish(column, place, sum) to out[place] for the sums that lie inside C.
  template <class Finish>
  __device__ void store(float* out, bool packed, const Finish& finish) const {
#pragma unroll
    for (int u = 0; u < units; ++u) {
      int row = 0, column = 0;
      find(u, row, column);
      if (row >= problem_.m || column >= problem_.n) continue;
      const int64_t place = problem_.place(row) + column;
      float values[unit];
#pragma unroll
      for (int j = 0; j < unit; ++j)
        values[j] = column + j < problem_.n ? finish(column + j, place + j, sums_[u][j]) : 0.0F;
      if (packed) {
        struct alignas(unit * sizeof(float)) Unit {
          float v[unit];
        } whole;
#pragma unroll
        for (int j = 0; j < unit; ++j) whole.v[j] = values[j];
        *reinterpret_cast<Unit*>(out + place) = whole;
      } else {
#pragma unroll
        for (int j = 0; j < unit; ++j) {
          if (column + j < problem_.n) out[place + j] = values[j];
        }
      }
    }
  }

 private:
  /// Stages of copies, of which each warp multiplies its part.
  __device__ void multiply_by_warps() {
    float* shared = dynamic_shared<float>();
    const SharedFloats stages(shared);
    const int thread = threadIdx.x;
    StageCopies<Left, tiling.rows, tiling.depth, vector_a, tiling.threads(), 0> left(problem_.left, row_, problem_.m,
                                                                                     k_begin_, k_end_, thread);
    StageCopies<Right, tiling.columns, tiling.depth, vector_b, tiling.threads(), Multiply::permuted> right(
        problem_.right, column_, problem_.n, k_begin_, k_end_, thread);
    const int steps = k_end_ > k_begin_ ? (k_end_ - k_begin_ + tiling.depth - 1) / tiling.depth : 0;
    const auto fill = [&](int stage) {
      left.start(stages + stage * stage_floats);
      right.start(stages + (stage * stage_floats + left_floats));
    };
#pragma unroll
    for (int stage = 0; stage < tiling.stages - 1; ++stage) {
      if (stage < steps) fill(stage);
      commit_copies();
    }
    int read = 0, write = tiling.stages - 1;
#pragma unroll 1
    for (int step = 0; step < steps; ++step) {
      await_copies<tiling.stages - 2>();
      __syncthreads();
      if (step + tiling.stages - 1 < steps) fill(write);
      commit_copies();
      multiply_.multiply(shared + read * stage_floats, shared + read * stage_floats + left_floats);
      read = read + 1 == tiling.stages ? 0 : read + 1;
      write = write + 1 == tiling.stages ? 0 : write + 1;
    }
    await_copies<0>();
    add_slices(shared);
    if constexpr (arithmetic == Arithmetic::three_tf32) {
      undo_scale();
      repair();
    }
  }

  /// The products of a stage are started, and go on while the next stage is written and the one after it is loaded, up
  /// to the wait after the next stage's start: tensor cores always have a stage to do. One barrier a stage: it tells a
  /// warp that the stage is written, and that the one which is written next is read, as each has waited for its
  /// products.
  __device__ void multiply_by_warpgroups() {
    constexpr int row_floats = tiling.depth * number_bytes(arithmetic) / 4;
    constexpr int stage_size = (tiling.rows + tiling.columns) * row_floats, of_left = tiling.rows * row_floats;
    static_assert(tiling.stages >= 3);
    const SharedFloats stages = SharedFloats(dynamic_shared<float>()).aligned(Tiling::atom);
    RoundedCopies<Left, arithmetic, tiling.rows, tiling.depth, tiling.threads()> left(problem_.left, row_, problem_.m,
                                                                                      k_begin_, k_end_, threadIdx.x);
    RoundedCopies<Right, arithmetic, tiling.columns, tiling.depth, tiling.threads()> right(
        problem_.right, column_, problem_.n, k_begin_, k_end_, threadIdx.x);
    const int steps = k_end_ > k_begin_ ? (k_end_ - k_begin_ + tiling.depth - 1) / tiling.depth : 0;
    const auto load = [&] {
      left.load();
      right.load();
    };
    const auto store = [&](int stage) {
      left.store(stages + stage * stage_size);
      right.store(stages + (stage * stage_size + of_left));
      fence_operands();
    };
    if (steps > 0) load();
    if (steps > 0) store(0);
    if (steps > 1) load();
    int read = 0;
#pragma unroll 1
    for (int step = 0; step < steps; ++step) {
      const int write = read + 1 == tiling.stages ? 0 : read + 1;
      __syncthreads();
      multiply_.start(stages + read * stage_size, stages + (read * stage_size + of_left));
      if (step + 1 < steps) store(write);
      if (step + 2 < steps) load();
      await_products<1>();
      read = write;
    }
    await_products<0>();
#pragma unroll
    for (int u = 0; u < units; ++u) {
#pragma unroll
      for (int j = 0; j < unit; ++j) sums_[u][j] = multiply_.sums[u][j];
    }
  }

  __device__ void find(int u, int& row, int& column) const {
    multiply_.place(threadIdx.x / tiling.group() * units + u, row, column);
    row += row_;
    column += column_;
  }

  /// Adds what the slices have, in their order. Each finishes a part of the units.
  __device__ void add_slices(float* shared) {
    if constexpr (tiling.slices == 1) {
#pragma unroll
      for (int u = 0; u < units; ++u) {
#pragma unroll
        for (int j = 0; j < unit; ++j) sums_[u][j] = multiply_.sums[u][j];
      }
    } else {
      constexpr int group = tiling.group();
      const int slice = threadIdx.x / group, member = threadIdx.x % group;
      const auto at = [&](int s, int u) { return shared + ((s * Multiply::units + u) * group + member) * unit; };
      __syncthreads();  // the last stage is read
#pragma unroll
      for (int u = 0; u < Multiply::units; ++u) {
#pragma unroll
        for (int j = 0; j < unit; ++j) at(slice, u)[j] = multiply_.sums[u][j];
      }
      __syncthreads();
#pragma unroll
      for (int u = 0; u < units; ++u) {
#pragma unroll
        for (int j = 0; j < unit; ++j) sums_[u][j] = 0.0F;
#pragma unroll
        for (int s = 0; s < tiling.slices; ++s) {
#pragma unroll
          for (int j = 0; j < unit; ++j) sums_[u][j] += at(s, slice * units + u)[j];
        }
      }
    }
  }

  __device__ void undo_scale() {
#pragma unroll
    for (int u = 0; u < units; ++u) {
#pragma unroll
      for (int j = 0; j < unit; ++j) sums_[u][j] *= TensorProduct<Arithmetic::three_tf32>::unscale;
    }
  }

  /// Sums that are not finite, as float32 makes them. Constant indices keep the sums in registers.
  __device__ void repair() {
    static_assert(units * unit <= 64);
    uint64_t broken = 0;
#pragma unroll
    for (int i = 0; i < units * unit; ++i) {
      if (!(fabsf(sums_[i / unit][i % unit]) <= FLT_MAX)) broken |= uint64_t(1) << i;
    }
#pragma unroll 1
    for (int next = 0; next < units * unit; ++next) {
      if ((broken >> next & 1) == 0) continue;
      int row = 0, column = 0;
      find(next / unit, row, column);
      column += next % unit;
      if (row >= problem_.m || column >= problem_.n) continue;
      const float sum = plain_sum(problem_, row, column, k_begin_, k_end_);
#pragma unroll
      for (int i = 0; i < units * unit; ++i) {
        if (i == next) sums_[i / unit][i % unit] = sum;
      }
    }
  }

  const Problem& problem_;
  int row_, column_, k_begin_, k_end_;
  Multiply multiply_;
  float sums_[units][unit];
};

/// Which tile is this block's. Warpgroups take bands of columns, down first: so that the blocks that run at once read
/// about as many rows as columns, each from memory but once.
template <Tiling tiling>
__device__ void find_tile(int m, int n, int& row, int& column) {
  constexpr int band = 8;
  const int tile = int(blockIdx.x), across = (n + tiling.columns - 1) / tiling.columns;
  if constexpr (tiling.warpgroups) {
    const int down = (m + tiling.rows - 1) / tiling.rows, first = tile / (down * band) * band;
    const int inside = tile - down * first, wide = min(band, across - first);
    row = wide > 0 ? inside / wide : down;
    column = wide > 0 ? first + inside % wide : across;
  } else {
    row = tile / across;
    column = tile % across;
  }
}

/// The tile of this block.
template <Tiling tiling, Arithmetic arithmetic, int vector_a, int vector_b, class Problem>
__device__ void make_tile(Problem& problem, const Epilogue<float>& epilogue, const Splits& splits, bool packed,
                          float* out) {
  const int part = int(blockIdx.z) / splits.count, split = int(blockIdx.z) % splits.count;
  if (!problem.enter(part)) return;  // the whole block
  int tile_row = 0, tile_column = 0;
  find_tile<tiling>(problem.m, problem.n, tile_row, tile_column);
  if (tile_row * tiling.rows >= problem.m || tile_column * tiling.columns >= problem.n) return;  // the whole block
  const int stages = (problem.k + tiling.depth - 1) / tiling.depth;
  const int stretch = (stages + splits.count - 1) / splits.count * tiling.depth;
  const int k_begin = min(split * stretch, problem.k), k_end = min(k_begin + stretch, problem.k);
  Tile<tiling, arithmetic, vector_a, vector_b, Problem> tile(problem, tile_row, tile_column, k_begin, k_end);
  tile.multiply();
  if (splits.count > 1 && splits.second_launch) {
    tile.store(splits.workspace + int64_t(split) * splits.out_size, packed,
               [](int, int64_t, float sum) { return sum; });
    return;
  }
  if (splits.count > 1) {
    constexpr int tile_size = tiling.rows * tiling.columns;
    const int place = part * int(gridDim.x) + int(blockIdx.x);
    float* partials = splits.workspace + int64_t(place) * splits.count * tile_size;
    tile.leave(partials + split * tile_size);
    if (!is_last_block(splits.arrived + place, splits.count)) return;  // the whole block
    tile.collect(partials, splits.count);
  }
  tile.store(out, packed, epilogue);
}

/// The tiling is named by its number: nvcc does not write a kernel's name with a class in it.
template <Arithmetic arithmetic, int number, int vector_a, int vector_b, class Problem>
__global__ void __launch_bounds__(tiling_of(arithmetic, number).threads(), tiling_of(arithmetic, number).blocks)
    tile_kernel(Problem problem, Epilogue<float> epilogue, Splits splits, bool packed, float* out) {
  constexpr Tiling tiling = tiling_of(arithmetic, number);
  if constexpr (tiling.warpgroups && !has_warpgroup_products) {
    __trap();  // launchers do not start it here
  } else {
    make_tile<tiling, arithmetic, vector_a, vector_b>(problem, epilogue, splits, packed, out);
  }
}

}  // namespace kantor::KANTOR_BACKEND
