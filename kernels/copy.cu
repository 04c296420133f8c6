// Moving elements. Bytes: one read, one write. Writes are contiguous wherever the target's last stride is 1, and then
// coalesce. Reads of a transposition would not: so tiles of 32 x 32 pass through shared memory, which reads along the
// source and writes along the target.
#include "kernels/backend.h"
#include "kernels/copy.h"

#include <math.h>

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int block = 256;

template <class T>
__global__ void strided_copy_kernel(const T* source, T* target, CopyShape shape, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  int64_t rest = i, from = 0, to = 0;
  for (int axis = shape.rank - 1; axis >= 0; --axis) {
    const int64_t index = rest % shape.extents[axis];
    rest /= shape.extents[axis];
    from += index * shape.source_strides[axis];
    to += index * shape.target_strides[axis];
  }
  target[to] = source[from];
}

constexpr int side = 32;

/// Moves a tile of two axes: `across`, along which the source is contiguous, and the last, along which the target is.
template <class T>
__global__ void transpose_kernel(const T* source, T* target, CopyShape shape, int across) {
  __shared__ T tile[side][side + 1];  // + 1: a column is in all banks
  const int last = shape.rank - 1;
  const int64_t rows = shape.extents[across], columns = shape.extents[last];
  const int64_t down = (rows + side - 1) / side, sideways = (columns + side - 1) / side;
  int64_t rest = blockIdx.x;
  const int64_t first_column = rest % sideways * side;
  rest /= sideways;
  const int64_t first_row = rest % down * side;
  rest /= down;
  for (int axis = last - 1; axis >= 0; --axis) {
    if (axis == across) continue;
    const int64_t index = rest % shape.extents[axis];
    rest /= shape.extents[axis];
    source += index * shape.source_strides[axis];
    target += index * shape.target_strides[axis];
  }
  const int lane = int(threadIdx.x) % side;
  for (int i = int(threadIdx.x) / side; i < side; i += block / side) {
    if (first_row + lane < rows && first_column + i < columns) {
      tile[i][lane] = source[first_row + lane + (first_column + i) * shape.source_strides[last]];
    }
  }
  __syncthreads();
  for (int i = int(threadIdx.x) / side; i < side; i += block / side) {
    if (first_row + i < rows && first_column + lane < columns) {
      target[(first_row + i) * shape.target_strides[across] + first_column + lane] = tile[lane][i];
    }
  }
}

/// The axis that a transposition exchanges with the last one, or -1 where the copy is none, or is too narrow for tiles.
int transposed_axis(const CopyShape& shape) {
  constexpr int64_t least = 8;
  const int last = shape.rank - 1;
  if (last < 1 || shape.target_strides[last] != 1 || shape.source_strides[last] <= 1 || shape.extents[last] < least) {
    return -1;
  }
  for (int axis = 0; axis < last; ++axis) {
    if (shape.source_strides[axis] == 1 && shape.extents[axis] >= least) return axis;
  }
  return -1;
}

template <class T>
__global__ void gather_rows_kernel(const T* x, const int64_t* index, T* y, int64_t rows, int64_t count, int64_t width) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count * width) return;
  const int64_t row = index[i / width];
  y[i] = row >= 0 && row < rows ? x[row * width + i % width] : T(NAN);
}

/// One thread per output element looks through all indices. This is slow for many rows, but in order without atomics.
template <class T>
__global__ void scatter_add_rows_kernel(const T* x, const int64_t* index, T* y, int64_t rows, int64_t count,
                                        int64_t width) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= rows * width) return;
  const int64_t row = i / width, column = i % width;
  T total = 0;
  for (int64_t k = 0; k < count; ++k) {
    const int64_t to = index[k];
    if (to == row) total += x[k * width + column];
    if (row == 0 && (to < 0 || to >= rows)) total = T(NAN);
  }
  y[i] = total;
}

}  // namespace

template <class T>
void strided_copy(const T* source, T* target, const CopyShape& shape, int64_t size, Stream stream) {
  if (size == 0) return;
  if (const int across = transposed_axis(shape); across >= 0) {
    const int64_t rows = shape.extents[across], columns = shape.extents[shape.rank - 1];
    const int64_t tiles = (rows + side - 1) / side * ((columns + side - 1) / side);
    launch<transpose_kernel<T>>({blocks_for(size / (rows * columns) * tiles, 1), block, 0, stream}, source, target,
                                shape, across);
    return;
  }
  launch<strided_copy_kernel<T>>({blocks_for(size, block), block, 0, stream}, source, target, shape, size);
}

template <class T>
void gather_rows(const T* x, const int64_t* index, T* y, int64_t rows, int64_t count, int64_t width, Stream stream) {
  if (count * width == 0) return;
  launch<gather_rows_kernel<T>>({blocks_for(count * width, block), block, 0, stream}, x, index, y, rows, count, width);
}

template <class T>
void scatter_add_rows(const T* x, const int64_t* index, T* y, int64_t rows, int64_t count, int64_t width,
                      Stream stream) {
  if (rows * width == 0) return;
  launch<scatter_add_rows_kernel<T>>({blocks_for(rows * width, block), block, 0, stream}, x, index, y, rows, count,
                                     width);
}

#define KANTOR_COPY(T) template void strided_copy(const T*, T*, const CopyShape&, int64_t, Stream);
#define KANTOR_ROWS(T)                                                                        \
  template void gather_rows(const T*, const int64_t*, T*, int64_t, int64_t, int64_t, Stream); \
  template void scatter_add_rows(const T*, const int64_t*, T*, int64_t, int64_t, int64_t, Stream);
KANTOR_COPY(float)
KANTOR_COPY(double)
KANTOR_COPY(int64_t)
KANTOR_ROWS(float)
KANTOR_ROWS(double)

}  // namespace kantor::KANTOR_BACKEND
