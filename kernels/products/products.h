// Launchers of the tile engine: matrix products and the three passes of convolution in float32, for the arithmetics of
// kernels/arithmetic.h. kernels/products/plan.h makes the plans.
#pragma once

#include "kernels/arithmetic.h"
#include "kernels/conv2d.h"
#include "kernels/epilogue.h"
#include "kernels/launcher.h"

namespace kantor {

/// How a product is made: the tiling, by its number in kernels/products/tiling.h, and into how many stretches k is cut.
struct ProductPlan {
  Arithmetic arithmetic = Arithmetic::float32;
  int tiling = 0, splits = 1;
  bool second_launch = false;             // adds the partial results; else the last block of a tile does
  int vector_left = 4, vector_right = 4;  // floats a copy: 4 where neighbours are aligned, else 1
  int64_t workspace = 0;                  // floats
  int64_t counters = 0;                   // of arrived blocks, at most most_counters
};
inline constexpr int64_t most_counters = 1 << 14;

/// Memory that splits need: plan.workspace floats, and plan.counters counters that are 0 before and after.
struct SplitMemory {
  float* workspace = nullptr;
  unsigned* arrived = nullptr;
};
/// What a kernel knows of the splits.
struct Splits {
  int count;
  bool second_launch;
  float* workspace;
  unsigned* arrived;
  int64_t out_size;
};

/// C [m, n] = epilogue(op(A) op(B)), as kernels/gemm.h has it.
struct GemmCall {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const float *a, *b;
  Epilogue<float> epilogue;
  float* c;
};
/// A pass of convolution, as kernels/conv2d.h has it. The result is `output`, `image` or `filter`, and the epilogue of
/// the first two passes applies to it.
struct ConvCall {
  ConvPass pass;
  ConvShape shape;
  float *image, *filter, *output;
  Epilogue<float> epilogue;
};

KANTOR_LAUNCHERS(
    /// The compute capability, such as 90, that the tile kernels which run here were compiled for.
    int tile_capability();
    /// Whether the tile kernels of warpgroups (wgmma) are in the code that runs here: architecture 90a's alone.
    bool tiles_by_warpgroups();
    /// Throws KernelError if no kernel is compiled for the plan.
    void tile_gemm(const GemmCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream);
    void tile_conv2d(const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory, Stream stream);)

}  // namespace kantor
