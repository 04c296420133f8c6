// A tile of a product in shared memory, as gemm's version 2 has it, of operands that are views (windows.h): for
// versions 2 and 3.
#pragma once

#include "kernels/backend.h"

namespace kantor::KANTOR_BACKEND {

inline constexpr int shared_tile = 32;  // its rows, columns and steps along k; a block has 32 x 32 threads

/// The element of a view that a thread copies in a step: threads side by side copy neighbours in memory.
template <class View>
struct SharedTileCopy {
  const View& view;
  int first, extent, r, s;  // its row and k in the tile
  typename View::Row row;

  __device__ SharedTileCopy(const View& of, int first_row, int rows)
      : view(of),
        first(first_row),
        extent(rows),
        r(View::along_k ? int(threadIdx.y) : int(threadIdx.x)),
        s(View::along_k ? int(threadIdx.x) : int(threadIdx.y)),
        row(of.row(first_row + r < rows ? first_row + r : 0)) {}

  __device__ float load(int k0, int k) const {
    int offset = 0;
    const bool inside = first + r < extent && k0 + s < k && view.find(row, view.term(k0 + s), offset);
    return inside ? view.data[offset] : 0.0F;
  }
};

/// Writes the block's tile of C [m, n] = A [m, k] B [k, n]; row r begins at out + place(r). All threads must call it.
template <class Left, class Right, class Place>
__device__ void multiply_shared_tile(const Left& left, const Right& right, int m, int n, int k, float* out,
                                     const Place& place) {
  __shared__ float of_a[shared_tile][shared_tile + 1], of_b[shared_tile][shared_tile + 1];
  const int first_row = int(blockIdx.y) * shared_tile, first_column = int(blockIdx.x) * shared_tile;
  const int x = threadIdx.x, y = threadIdx.y;
  const SharedTileCopy<Left> copy_a(left, first_row, m);
  const SharedTileCopy<Right> copy_b(right, first_column, n);
  float sum = 0;
  for (int k0 = 0; k0 < k; k0 += shared_tile) {
    of_a[copy_a.r][copy_a.s] = copy_a.load(k0, k);
    of_b[copy_b.s][copy_b.r] = copy_b.load(k0, k);
    __syncthreads();
    for (int i = 0; i < shared_tile; ++i) sum = fmaf(of_a[y][i], of_b[i][x], sum);
    __syncthreads();
  }
  if (first_row + y < m && first_column + x < n) out[place(first_row + y) + first_column + x] = sum;
}

}  // namespace kantor::KANTOR_BACKEND
