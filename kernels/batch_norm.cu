// Batch norm, in two launches. The first reads x once: each block finds mean and squared deviations of a chunk of rows,
// for 32 channels. Nothing cancels, because a thread subtracts the first element that it sees from all others; it adds
// eight of them as T and goes on in double. In the second launch each block joins the chunks of its channels (the same
// work in each, but cheaper than one more launch, or than waiting for the last block), then reads x again and writes y:
// 12 bytes an element in float32, of which the second read of an x of up to about 30 MB comes from the L2 cache.
// 64 x 14 x 14 x 128 (6.4 MB): 5 us for its bytes at 3 to 4 TB/s, and two launches.
#include "kernels/backend.h"
#include "kernels/batch_norm.h"
#include "kernels/norm_tile.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using namespace batch_norm_blocks;

constexpr int batch = 8;  // rows that a thread reads at once

/// Number of elements, their mean, and their squared deviations from it.
struct Moments {
  double count, mean, squares;
};

/// The same without the number.
struct alignas(16) MeanAndSquares {
  double mean, squares;
};

/// The moments of the elements of parts begin, begin + step, ... below `end`.
template <class Part>
__device__ Moments join(int64_t begin, int64_t end, int64_t step, const Part& part) {
  Moments all{0, 0, 0};
#pragma unroll 4
  for (int64_t k = begin; k < end; k += step) {
    const Moments m = part(k);
    all.count += m.count;
    all.mean += m.count * m.mean;
  }
  if (all.count > 0) all.mean /= all.count;
#pragma unroll 4
  for (int64_t k = begin; k < end; k += step) {
    const Moments m = part(k);
    all.squares += m.squares + m.count * (m.mean - all.mean) * (m.mean - all.mean);
  }
  return all;
}

/// The same by a block, for channel threadIdx.x % columns; each of its threads gets it.
template <class Part>
__device__ Moments join_in_block(int64_t count, const Part& part) {
  __shared__ Moments joined[parts][columns];
  const int column = threadIdx.x % columns;
  joined[threadIdx.x / columns][column] = join(threadIdx.x / columns, count, parts, part);
  __syncthreads();
  return join(0, parts, 1, [&](int64_t k) { return joined[k][column]; });
}

/// Means and squared deviations of chunks of rows: [chunks, channels] of each.
template <class T, int width>
__global__ void chunk_moments_kernel(const T* x, double* means, double* squares, int64_t rows, int64_t channels,
                                     int64_t length) {
  using Tile = NormTile<width>;
  __shared__ MeanAndSquares of_rows[Tile::rows_at_once][Tile::row_length];
  const Tile tile(rows, channels, length);
  const int64_t first = tile.first_row();
  double sums[width] = {}, sums_of_squares[width] = {};
  Row<T, width> centre = {};
  if (tile.channel < channels && first < tile.end) {
    centre.load(x + first * channels + tile.channel);
    for (int64_t r = first; r < tile.end; r += batch * Tile::rows_at_once) {
      Row<T, width> values[batch];
#pragma unroll
      for (int k = 0; k < batch; ++k) {
        const int64_t row = r + k * Tile::rows_at_once;
        values[k] = centre;  // adds nothing
        if (row < tile.end) values[k].load(x + row * channels + tile.channel);
      }
#pragma unroll
      for (int i = 0; i < width; ++i) {
        T sum = 0, sum_of_squares = 0;
#pragma unroll
        for (int k = 0; k < batch; ++k) {
          const T d = values[k].v[i] - centre.v[i];
          sum += d;
          sum_of_squares += d * d;
        }
        sums[i] += double(sum);
        sums_of_squares[i] += double(sum_of_squares);
      }
    }
  }
  // Of the rows from `row` on.
  const auto count = [&](int64_t row) {
    return row < tile.end ? double((tile.end - row + Tile::rows_at_once - 1) / Tile::rows_at_once) : 0.0;
  };
  const double n = count(first);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    const double shift = n > 0 ? sums[i] / n : 0;
    const int row = threadIdx.x / Tile::across, column = threadIdx.x % Tile::across * width + i;
    const MeanAndSquares both{double(centre.v[i]) + shift, sums_of_squares[i] - sums[i] * shift};
    of_rows[row][Tile::place(column)] = both;
  }
  __syncthreads();
  const int column = threadIdx.x % columns;
  const Moments all = join_in_block(Tile::rows_at_once, [&](int64_t row) {
    const MeanAndSquares of_row = of_rows[row][Tile::place(column)];
    return Moments{count(tile.begin + row), of_row.mean, of_row.squares};
  });
  const int64_t channel = tile.first_channel + column;
  if (threadIdx.x >= columns || channel >= channels) return;
  means[tile.chunk * channels + channel] = all.mean;
  squares[tile.chunk * channels + channel] = all.squares;
}

/// Mean and variance of a channel, as given.
template <class T>
struct GivenStatistics {
  const T *mean, *variance;
  __device__ double2 operator()(int64_t channel, bool exists, bool) const {
    return exists ? double2{double(mean[channel]), double(variance[channel])} : double2{0, 1};
  }
};

/// The same of the chunks, which the first block of the channels also writes.
template <class T>
struct JoinedStatistics {
  const double *means, *squares;
  T *mean, *variance;
  int64_t rows, channels, length;

  /// Called by the whole block.
  __device__ double2 operator()(int64_t channel, bool exists, bool first) const {
    const Moments all = join_in_block(exists ? (rows + length - 1) / length : 0, [&](int64_t k) {
      const double count = double(rows - k * length < length ? rows - k * length : length);
      return Moments{count, means[k * channels + channel], squares[k * channels + channel]};
    });
    if (exists && first) {
      mean[channel] = T(all.mean);
      variance[channel] = T(all.squares / double(rows));
    }
    return {all.mean, all.squares / double(rows)};
  }
};

template <class T, int width, class Statistics>
__global__ void normalize_kernel(const T* x, const T* gamma, const T* beta, Statistics statistics, double epsilon, T* y,
                                 int64_t rows, int64_t channels, int64_t length) {
  using Tile = NormTile<width>;
  __shared__ T centres[columns], scales[columns];
  const Tile tile(rows, channels, length);
  const int64_t channel = tile.first_channel + threadIdx.x % columns;
  const double2 s = statistics(channel, channel < channels, tile.chunk == 0 && threadIdx.x < columns);
  if (threadIdx.x < columns) {
    centres[threadIdx.x] = T(s.x);
    scales[threadIdx.x] = T(1 / sqrt(s.y + epsilon));
  }
  __syncthreads();
  if (tile.channel >= channels) return;
  Row<T, width> g, b, centre, scale;
  g.load(gamma + tile.channel);
  b.load(beta + tile.channel);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    centre.v[i] = centres[tile.channel - tile.first_channel + i];
    scale.v[i] = scales[tile.channel - tile.first_channel + i];
  }
  for (int64_t r = tile.first_row(); r < tile.end; r += batch * Tile::rows_at_once) {
    Row<T, width> values[batch];
#pragma unroll
    for (int k = 0; k < batch; ++k) {
      const int64_t row = r + k * Tile::rows_at_once;
      if (row < tile.end) values[k].load(x + row * channels + tile.channel);
    }
#pragma unroll
    for (int k = 0; k < batch; ++k) {
      const int64_t row = r + k * Tile::rows_at_once;
      if (row >= tile.end) break;
#pragma unroll
      for (int i = 0; i < width; ++i) {
        values[k].v[i] = (values[k].v[i] - centre.v[i]) * scale.v[i] * g.v[i] + b.v[i];
      }
      values[k].store(y + row * channels + tile.channel);
    }
  }
}

template <class T, class Statistics>
void normalize(const T* x, const T* gamma, const T* beta, const Statistics& statistics, double epsilon, T* y,
               int64_t rows, int64_t channels, Stream stream) {
  const bool packed = channels % Pack<T>::width == 0 && aligned(x) && aligned(gamma) && aligned(beta) && aligned(y);
  with_width<T>(packed, [&](auto width) {
    launch<normalize_kernel<T, decltype(width)::value, Statistics>>({norm_blocks(rows, channels), threads, 0, stream},
                                                                    x, gamma, beta, statistics, epsilon, y, rows,
                                                                    channels, batch_norm_chunk(rows, channels));
  });
}

}  // namespace

template <class T>
void batch_norm_fixed(const T* x, const T* gamma, const T* beta, const T* mean, const T* variance, double epsilon, T* y,
                      int64_t rows, int64_t channels, Stream stream) {
  if (rows * channels == 0) return;
  normalize(x, gamma, beta, GivenStatistics<T>{mean, variance}, epsilon, y, rows, channels, stream);
}

template <class T>
void batch_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, T* mean, T* variance, int64_t rows,
                int64_t channels, double* workspace, Stream stream) {
  if (rows * channels == 0) return;
  const int64_t length = batch_norm_chunk(rows, channels);
  double *means = workspace, *squares = workspace + (rows + length - 1) / length * channels;
  with_width<T>(channels % Pack<T>::width == 0 && aligned(x), [&](auto width) {
    launch<chunk_moments_kernel<T, decltype(width)::value>>({norm_blocks(rows, channels), threads, 0, stream}, x, means,
                                                            squares, rows, channels, length);
  });
  normalize(x, gamma, beta, JoinedStatistics<T>{means, squares, mean, variance, rows, channels, length}, epsilon, y,
            rows, channels, stream);
}

#define KANTOR_BATCH_NORM(T)                                                                                     \
  template void batch_norm(const T*, const T*, const T*, double, T*, T*, T*, int64_t, int64_t, double*, Stream); \
  template void batch_norm_fixed(const T*, const T*, const T*, const T*, const T*, double, T*, int64_t, int64_t, \
                                 Stream);
KANTOR_BATCH_NORM(float)
KANTOR_BATCH_NORM(double)

}  // namespace kantor::KANTOR_BACKEND
