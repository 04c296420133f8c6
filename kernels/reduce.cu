// Reductions.
//
// Bytes: every element once; the results are small. Two stages: chunks of the axis give partial sums in double, at most
// 1024 a result, and in a second launch a warp adds these in a fixed order, so that no atomics are needed and two runs
// give the same bits. Along the last axis a block reads a chunk side by side; across it, a warp reads 32 columns side
// by side, and 8 warps share the rows.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/reduce.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int tile_columns = 32, tile_rows = threads / tile_columns;

/// The block sums n neighbouring elements.
template <class T>
__device__ double sum_of_run(const T* x, int64_t n) {
  __shared__ double scratch[32];
  double total = 0;
  for (int64_t i = threadIdx.x; i < n; i += threads) total += double(x[i]);
  return block_sum(total, scratch);
}

/// The block sums `rows` rows of 32 columns, which are `inner` apart, of them `columns` inside; y[column] by its
/// threads.
template <class T, class Out>
__device__ void sum_of_columns(const T* x, int64_t rows, int64_t inner, int64_t columns, Out* y) {
  __shared__ double sums[tile_rows][tile_columns];
  const int column = threadIdx.x % tile_columns, first_row = threadIdx.x / tile_columns;
  double total = 0;
  if (column < columns) {
    for (int64_t row = first_row; row < rows; row += tile_rows) total += double(x[row * inner + column]);
  }
  sums[first_row][column] = total;
  __syncthreads();
  if (first_row == 0 && column < columns) {
    for (int r = 1; r < tile_rows; ++r) total += sums[r][column];
    y[column] = Out(total);
  }
}

/// inner == 1: block b sums chunk b % chunks of row b / chunks.
template <class T, class Out>
__global__ void sum_rows_kernel(const T* x, Out* y, int64_t n, int64_t chunks, int64_t chunk) {
  const int64_t row = blockIdx.x / chunks, begin = blockIdx.x % chunks * chunk;
  const double total = sum_of_run(x + row * n + begin, begin + chunk < n ? chunk : n - begin);
  if (threadIdx.x == 0) y[blockIdx.x] = Out(total);
}

/// Block (tile of columns, chunk of outer element): sums `chunk` rows of 32 columns.
template <class T, class Out>
__global__ void sum_columns_kernel(const T* x, Out* y, int64_t n, int64_t inner, int64_t chunks, int64_t chunk,
                                   int64_t tiles) {
  const int64_t column = blockIdx.x % tiles * tile_columns, part = blockIdx.x / tiles;  // outer * chunks + chunk
  const int64_t begin = part % chunks * chunk;
  sum_of_columns(x + (part / chunks * n + begin) * inner + column, begin + chunk < n ? chunk : n - begin, inner,
                 inner - column, y + part * inner + column);
}

/// The sum that a block or thread belongs to, of those that stand one behind the other, and its number in that.
struct Part {
  int sum;
  int64_t place;
};
template <class SizeOf>
__device__ Part part_of(int64_t place, int count, const SizeOf& size_of) {
  int k = 0;
  while (k + 1 < count && place >= size_of(k)) place -= size_of(k++);
  return {k, place};
}

/// Several sums; a block sums one chunk of one of them, as the kernels above. Sums of several chunks leave partial
/// ones.
template <class T>
__global__ void column_sums_kernel(ColumnSums sums, ColumnSumArrays<T> arrays, double* partial) {
  const Part part = part_of(blockIdx.x, sums.count, [&](int k) { return sums.blocks(k); });
  const int64_t n = sums.n[part.sum], inner = sums.inner[part.sum], chunks = sum_chunks(n, inner);
  const int64_t length = sum_chunk(n, inner);
  const T* x = arrays.x[part.sum];
  T* y = arrays.y[part.sum];
  for (int k = 0; k < part.sum; ++k) partial += sums.workspace(k);
  if (inner == 1) {
    const int64_t begin = part.place * length;
    const double total = sum_of_run(x + begin, n - begin < length ? n - begin : length);
    if (threadIdx.x != 0) return;
    if (chunks == 1) {
      y[0] = T(total);
    } else {
      partial[part.place] = total;
    }
    return;
  }
  const int64_t tiles = (inner + tile_columns - 1) / tile_columns, column = part.place % tiles * tile_columns;
  const int64_t chunk = part.place / tiles, begin = chunk * length;
  const int64_t rows = n - begin < length ? n - begin : length;
  if (chunks == 1) {
    sum_of_columns(x + column, rows, inner, inner - column, y + column);
  } else {
    sum_of_columns(x + begin * inner + column, rows, inner, inner - column, partial + chunk * inner + column);
  }
}

/// A warp adds the partial sums of one result, which are `apart` from each other: each lane its own in order, then the
/// lanes. Every lane gets the sum.
__device__ double sum_of_chunks(const double* partial, int64_t chunks, int64_t apart) {
  double total = 0;
  for (int64_t c = threadIdx.x % 32; c < chunks; c += 32) total += partial[c * apart];
  return warp_sum(total);
}

/// Adds the partial sums of column_sums_kernel, a warp a result.
template <class T>
__global__ void finish_column_sums_kernel(ColumnSums sums, ColumnSumArrays<T> arrays, const double* partial,
                                          int64_t results) {
  const int64_t i = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
  if (i >= results) return;
  const Part part = part_of(i, sums.count, [&](int k) { return sums.inner[k]; });
  const int64_t inner = sums.inner[part.sum], chunks = sum_chunks(sums.n[part.sum], inner);
  if (chunks == 1) return;
  for (int k = 0; k < part.sum; ++k) partial += sums.workspace(k);
  const double total = sum_of_chunks(partial + part.place, chunks, inner);
  if (threadIdx.x % 32 == 0) arrays.y[part.sum][part.place] = T(total);
}

/// y [outer, inner] from partial sums [outer, chunks, inner], a warp a result.
template <class T>
__global__ void finish_sum_kernel(const double* partial, T* y, int64_t outer, int64_t chunks, int64_t inner) {
  const int64_t i = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
  if (i >= outer * inner) return;
  const double total = sum_of_chunks(partial + i / inner * chunks * inner + i % inner, chunks, inner);
  if (threadIdx.x % 32 == 0) y[i] = T(total);
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
                                    sum_chunk(n, inner));
  } else {
    const int64_t tiles = (inner + tile_columns - 1) / tile_columns;
    launch<sum_columns_kernel<T, Out>>({blocks_for(outer * chunks * tiles, 1), threads, 0, stream}, x, y, n, inner,
                                       chunks, sum_chunk(n, inner), tiles);
  }
}

}  // namespace

template <class T>
void sum_middle(const T* x, T* y, int64_t outer, int64_t n, int64_t inner, double* workspace, Stream stream) {
  if (outer * inner == 0) return;
  const int64_t chunks = sum_chunks(n, inner);
  if (chunks == 1) return sum_chunks_of(x, y, outer, n, inner, stream);
  sum_chunks_of(x, workspace, outer, n, inner, stream);
  launch<finish_sum_kernel<T>>({blocks_for(outer * inner, threads / 32), threads, 0, stream}, workspace, y, outer,
                               chunks, inner);
}

template <class T>
void column_sums(const ColumnSums& sums, const ColumnSumArrays<T>& arrays, double* workspace, Stream stream) {
  int64_t blocks = 0, results = 0, partial = 0;
  for (int k = 0; k < sums.count; ++k) {
    blocks += sums.blocks(k);
    results += sums.inner[k];
    partial += sums.workspace(k);
  }
  if (blocks == 0) return;
  launch<column_sums_kernel<T>>({blocks_for(blocks, 1), threads, 0, stream}, sums, arrays, workspace);
  if (partial == 0) return;
  launch<finish_column_sums_kernel<T>>({blocks_for(results, threads / 32), threads, 0, stream}, sums, arrays, workspace,
                                       results);
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
template void column_sums(const ColumnSums&, const ColumnSumArrays<float>&, double*, Stream);
template void column_sums(const ColumnSums&, const ColumnSumArrays<double>&, double*, Stream);
template void row_norm(const float*, float*, int64_t, int64_t, Stream);
template void row_norm(const double*, double*, int64_t, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
