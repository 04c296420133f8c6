// Starts the tile kernel of a plan. For kernel files.
#pragma once

#include "kernels/products/tile_kernel.h"

#include <string>
#include <utility>

namespace kantor::KANTOR_BACKEND {

/// A problem of one part, whose rows lie one after the other in the output.
template <class LeftView, class RightView, bool copies_single_right = false>
struct OneProduct {
  static constexpr bool single_right = copies_single_right;
  using Left = LeftView;
  using Right = RightView;
  Left left;
  Right right;
  int m, n, k;

  __device__ bool enter(int) { return true; }
  __device__ int place(int row) const { return row * n; }
};

/// What all kernels of a product are launched with. `rows`: of the part that has the most; the epilogue's channels are
/// the columns.
struct TileLaunch {
  ProductPlan plan;
  SplitMemory memory;
  Epilogue<float> epilogue;
  float* out;
  int64_t out_size, rows, columns;
  int parts;
  Stream stream;
};

/// out[i] = epilogue(the sum of the splits at i), in a launch of its own.
void add_splits(const TileLaunch& l);

template <Arithmetic arithmetic, int tiling_number, int vector_left, int vector_right, class Problem>
void launch_tile(const Problem& problem, const TileLaunch& l) {
  if constexpr (is_compiled(arithmetic, tiling_number, vector_left, vector_right, Problem::single_right)) {
    constexpr Tiling tiling = tiling_of(arithmetic, tiling_number);
    const int64_t down = (l.rows + tiling.rows - 1) / tiling.rows,
                  across = (l.columns + tiling.columns - 1) / tiling.columns;
    const Splits splits{l.plan.splits, l.plan.second_launch, l.memory.workspace, l.memory.arrived, l.out_size};
    const bool packed = l.columns % 4 == 0 && aligned(l.out) && aligned(l.memory.workspace);
    const size_t shared = tiling.warpgroups ? tiling.shared_bytes(number_bytes(arithmetic))
                                            : tiling.shared_bytes(Problem::Left::along_k, Problem::Right::along_k);
    launch<tile_kernel<arithmetic, tiling_number, vector_left, vector_right, Problem>>(
        {dim3(blocks_for(down * across, 1), 1, blocks_for(int64_t(l.parts) * splits.count, 1)),
         unsigned(tiling.threads()), shared, l.stream},
        problem, l.epilogue, splits, packed, l.out);
  }
}

template <Arithmetic arithmetic, class Problem, int... tilings>
bool launch_tiling(const Problem& problem, const TileLaunch& l, std::integer_sequence<int, tilings...>) {
  const int left = l.plan.vector_left, right = l.plan.vector_right;
  const auto start = [&](auto number) {
    constexpr int tiling = decltype(number)::value;
    if (l.plan.tiling != tiling || !is_compiled(arithmetic, tiling, left, right, Problem::single_right)) return false;
    if (left == 4 && right == 4) launch_tile<arithmetic, tiling, 4, 4>(problem, l);
    if (left == 4 && right == 1) launch_tile<arithmetic, tiling, 4, 1>(problem, l);
    if (left == 1 && right == 1) launch_tile<arithmetic, tiling, 1, 1>(problem, l);
    return true;
  };
  return (start(std::integral_constant<int, tilings>()) || ...);
}

/// Throws KernelError where no kernel is compiled for the plan.
template <class Problem>
void launch_product(const Problem& problem, const TileLaunch& l) {
  const auto start = [&](auto constant) {
    constexpr Arithmetic arithmetic = decltype(constant)::value;
    return l.plan.arithmetic == arithmetic &&
           launch_tiling<arithmetic>(problem, l, std::make_integer_sequence<int, tilings_of(arithmetic)>());
  };
  if (!start(std::integral_constant<Arithmetic, Arithmetic::float32>()) &&
      !start(std::integral_constant<Arithmetic, Arithmetic::three_tf32>()) &&
      !start(std::integral_constant<Arithmetic, Arithmetic::tf32>()) &&
      !start(std::integral_constant<Arithmetic, Arithmetic::bf16>())) {
    throw KernelError("no product is compiled for arithmetic " + std::to_string(int(l.plan.arithmetic)) + ", tiling " +
                      std::to_string(l.plan.tiling) + " and copies of " + std::to_string(l.plan.vector_left) + " and " +
                      std::to_string(l.plan.vector_right) + " floats; take a plan of kernels/products/plan.h");
  }
  if (l.plan.splits > 1 && l.plan.second_launch) add_splits(l);
}

}  // namespace kantor::KANTOR_BACKEND
