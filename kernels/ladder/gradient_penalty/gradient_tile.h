// The block that makes a tile of g = delta w. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/ladder/gradient_penalty/gradients.h"

namespace kantor::KANTOR_BACKEND {

inline constexpr int tile_threads = 256;

/// Makes the block's tile; tiles of the same rows stand together. Each thread keeps the weights of four columns in
/// registers, and all threads go through the rows together: after a row, each calls made(row of the tile, squares of
/// its four elements).
template <class Made>
__device__ void make_gradient_tile(const float* delta, const float* w, float* g, int64_t rows, int64_t width,
                                   const Made& made) {
  using namespace ladder::gradient_penalty;
  constexpr int columns = tile_columns / tile_threads;
  const int64_t across = (width + tile_columns - 1) / tile_columns, first_row = blockIdx.x / across * tile_rows;
  const int64_t first_column = blockIdx.x % across * tile_columns + threadIdx.x;
  float weights[inner][columns];
  for (int k = 0; k < inner; ++k) {
    for (int c = 0; c < columns; ++c) {
      const int64_t column = first_column + c * tile_threads;
      weights[k][c] = column < width ? w[k * width + column] : 0;
    }
  }
  for (int r = 0; r < tile_rows && first_row + r < rows; ++r) {
    float deltas[inner];  // read once: behind a write of g, which might be the same array, memory is read again
    for (int k = 0; k < inner; ++k) deltas[k] = delta[(first_row + r) * inner + k];
    double squares = 0;
    for (int c = 0; c < columns; ++c) {
      const int64_t column = first_column + c * tile_threads;
      float sum = 0;
      for (int k = 0; k < inner; ++k) sum += deltas[k] * weights[k][c];
      if (column < width) g[(first_row + r) * width + column] = sum;
      squares += double(sum) * double(sum);  // 0 beyond the row
    }
    made(r, squares);
  }
}

}  // namespace kantor::KANTOR_BACKEND
