// Reductions.
//
// Bytes: every element once; the results are small. Two stages: chunks of the axis give partial sums in double, and a
// second launch adds these in order, so that no atomics are needed and two runs give the same bits. Along the last axis
// a block reads a chunk side by side; across it, a warp reads 32 columns side by side, and 8 warps share the rows.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/reduce.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int tile_columns = 32, tile_rows = threads / tile_columns;

/// inner == 1: block b sums chunk b % chunks of row b / chunks.
template <class T, class Out>
__global__ void sum_rows_kernel(const T* x, Out* y, int64_t n, int64_t chunks, int64_t chunk) {
  __shared__ double scratch[32];
  const int64_t row = blockIdx.x / chunks, begin = blockIdx.x % chunks * chunk;
  const int64_t end = begin + chunk < n ? begin + chunk : n;
  double total = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += threads) total += double(x[row * n + i]);
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) y[blockIdx.x] = Out(total);
}

/// Block (tile of columns, chunk of outer element): sums `chunk` rows of 32 columns.
template <class T, class Out>
__global__ void sum_columns_kernel(const T* x, Out* y, int64_t n, int64_t inner, int64_t chunks, int64_t chunk,
                                   int64_t tiles) {
  __shared__ double sums[tile_rows][tile_columns];
  const int column_in_tile = threadIdx.x % tile_columns, first_row = threadIdx.x / tile_columns;
  const int64_t column = blockIdx.x % tiles * tile_columns + column_in_tile;
  const int64_t part = blockIdx.x / tiles;  // outer * chunks + chunk
  const int64_t begin = part % chunks * chunk, end = begin + chunk < n ? begin + chunk : n;
  double total = 0;
  if (column < inner) {
    const T* at = x + part / chunks * n * inner + column;
    for (int64_t row = begin + first_row; row < end; row += tile_rows) total += double(at[row * inner]);
  }
  sums[first_row][column_in_tile] = total;
  __syncthreads();
  if (first_row == 0 && column < inner) {
    for (int r = 1; r < tile_rows; ++r) total += sums[r][column_in_tile];
    y[part * inner + column] = Out(total);
  }
}

/// y [outer, inner] from partial sums [outer, chunks, inner], in order.
template <class T>
__global__ void finish_sum_kernel(const double* partial, T* y, int64_t outer, int64_t chunks, int64_t inner) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= outer * inner) return;
  const double* at = partial + i / inner * chunks * inner + i % inner;
  double total = 0;
  for (int64_t c = 0; c < chunks; ++c) total += at[c * inner];
  y[i] = T(total);
}

/// One warp per row, for short rows.
template <class T>
__global__ void row_norm_warp_kernel(const T* x, T* y, int64_t rows, int64_t width) {
  const int64_t row = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
  double squares = 0;
  if (row < rows) {
    for (int64_t i = threadIdx.x % 32; i < width; i += 32) {
      const double v = double(x[row * width + i]);
      squares += v * v;
    }
  }
  squares = warp_sum(squares);
  if (row < rows && threadIdx.x % 32 == 0) y[row] = T(sqrt(squares));
}

/// One block per row, for long rows.
template <class T>
__global__ void row_norm_block_kernel(const T* x, T* y, int64_t width) {
  __shared__ double scratch[32];
  double squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const double v = double(x[blockIdx.x * width + i]);
    squares += v * v;
  }
  squares = block_sum(squares, scratch);
  if (threadIdx.x == 0) y[blockIdx.x] = T(sqrt(squares));
}

template <class T, class Out>
void sum_chunks_of(const T* x, Out* y, int64_t outer, int64_t n, int64_t inner, Stream stream) {
  const int64_t chunks = sum_chunks(n, inner);
  if (inner == 1) {
    launch<sum_rows_kernel<T, Out>>({blocks_for(outer * chunks, 1), threads, 0, stream}, x, y, n, chunks,
                                    sum_chunk_elements);
  } else {
    const int64_t tiles = (inner + tile_columns - 1) / tile_columns;
    launch<sum_columns_kernel<T, Out>>({blocks_for(outer * chunks * tiles, 1), threads, 0, stream}, x, y, n, inner,
                                       chunks, sum_chunk_rows, tiles);
  }
}

}  // namespace

template <class T>
void sum_middle(const T* x, T* y, int64_t outer, int64_t n, int64_t inner, double* workspace, Stream stream) {
  if (outer * inner == 0) return;
  const int64_t chunks = sum_chunks(n, inner);
  if (chunks == 1) return sum_chunks_of(x, y, outer, n, inner, stream);
  sum_chunks_of(x, workspace, outer, n, inner, stream);
  launch<finish_sum_kernel<T>>({blocks_for(outer * inner, threads), threads, 0, stream}, workspace, y, outer, chunks,
                               inner);
}

template <class T>
void row_norm(const T* x, T* y, int64_t rows, int64_t width, Stream stream) {
  if (rows == 0) return;
  if (width <= 1024) {
    launch<row_norm_warp_kernel<T>>({blocks_for(rows, threads / 32), threads, 0, stream}, x, y, rows, width);
  } else {
    launch<row_norm_block_kernel<T>>({blocks_for(rows, 1), threads, 0, stream}, x, y, width);
  }
}

template void sum_middle(const float*, float*, int64_t, int64_t, int64_t, double*, Stream);
template void sum_middle(const double*, double*, int64_t, int64_t, int64_t, double*, Stream);
template void row_norm(const float*, float*, int64_t, int64_t, Stream);
template void row_norm(const double*, double*, int64_t, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
