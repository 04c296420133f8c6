// What versions 1 to 6 of `sum` share: the same kernel again and again, until one block has the sum. For kernel files.
#pragma once

#include "kernels/ladder/rung.h"

namespace kantor::KANTOR_BACKEND {

/// Calls add(x, n, sums, blocks), which starts a kernel: first for the input, whose n floats leave sums of blocks,
/// which are doubles; then for these sums, until there is one block. `per_block`: elements that a block adds.
template <class Add>
void sum_repeatedly(const ladder::Arrays& a, int64_t per_block, const Add& add) {
  double* sums = a.workspace;
  unsigned blocks = blocks_for(a.sizes[0], per_block);
  add(a.inputs[0], a.sizes[0], sums, blocks);
  while (blocks > 1) {
    const double* of_blocks = sums;
    const int64_t n = blocks;
    sums += n;
    blocks = blocks_for(n, per_block);
    add(of_blocks, n, sums, blocks);
  }
}

/// Where a block's sum goes, which one thread writes: to its place among the blocks' or, from the only one, to the
/// result.
__device__ inline void keep_sum(double sum, double* sums, float* result) {
  if (gridDim.x == 1) {
    *result = float(sum);
  } else {
    sums[blockIdx.x] = sum;
  }
}

}  // namespace kantor::KANTOR_BACKEND
