// Normalization.
//
// Batch norm reads x three times (mean, then squared deviations from it, because a difference of squares would cancel,
// then the output) and writes it once: 16 bytes an element in float32. Layer norm takes a block a row, 8 bytes an
// element: short rows stay in the L1 for three passes, long ones in the registers of 1024 threads. Their derivatives,
// of every order, are those of the same functions in ordinary ops (engine/ops/norm.cpp).
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/norm.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int tile_columns = 32, tile_rows = threads / tile_columns;

/// Partial sums over chunks of rows of (x - centre)^power, where a null centre means zeros: [chunks, channels].
template <class T, int power>
__global__ void moment_kernel(const T* x, const double* centre, double* partial, int64_t rows, int64_t channels,
                              int64_t tiles) {
  __shared__ double sums[tile_rows][tile_columns];
  const int in_tile = threadIdx.x % tile_columns, first = threadIdx.x / tile_columns;
  const int64_t channel = blockIdx.x % tiles * tile_columns + in_tile, chunk = blockIdx.x / tiles;
  const int64_t length = sum_chunk(rows, channels), begin = chunk * length;
  const int64_t end = begin + length < rows ? begin + length : rows;
  double total = 0;
  if (channel < channels) {
    const double c = power == 1 ? 0 : centre[channel];
    for (int64_t r = begin + first; r < end; r += tile_rows) {
      const double d = double(x[r * channels + channel]) - c;
      total += power == 1 ? d : d * d;
    }
  }
  sums[first][in_tile] = total;
  __syncthreads();
  if (first == 0 && channel < channels) {
    for (int r = 1; r < tile_rows; ++r) total += sums[r][in_tile];
    partial[chunk * channels + channel] = total;
  }
}

/// A warp a channel adds the partial sums in a fixed order and writes the mean: in double for the next pass, as T for
/// the caller.
template <class T>
__global__ void finish_moment_kernel(const double* partial, double* moment, T* out, int64_t chunks, int64_t rows,
                                     int64_t channels) {
  const int64_t channel = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
  if (channel >= channels) return;
  double total = 0;
  for (int64_t c = threadIdx.x % 32; c < chunks; c += 32) total += partial[c * channels + channel];
  total = warp_sum(total);
  if (threadIdx.x % 32 != 0) return;
  moment[channel] = total / double(rows);
  out[channel] = T(total / double(rows));
}

template <class T>
__global__ void normalize_kernel(const T* x, const T* gamma, const T* beta, const T* mean, const T* variance,
                                 double epsilon, T* y, int64_t channels, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const int64_t c = i % channels;
  const T scale = T(1 / sqrt(double(variance[c]) + epsilon));
  y[i] = (x[i] - mean[c]) * scale * gamma[c] + beta[c];
}

template <class T>
__global__ void layer_norm_kernel(const T* x, const T* gamma, const T* beta, double epsilon, T* y, int64_t width) {
  __shared__ double scratch[32];
  const T* row = x + blockIdx.x * width;
  double total = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) total += double(row[i]);
  const double mean = block_sum(total, scratch) / double(width);
  double squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const double d = double(row[i]) - mean;
    squares += d * d;
  }
  const double variance = block_sum(squares, scratch) / double(width);
  const T centre = T(mean), scale = T(1 / sqrt(variance + epsilon));
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    y[blockIdx.x * width + i] = (row[i] - centre) * scale * gamma[i] + beta[i];
  }
}

constexpr int row_threads = 1024, kept_packs = 8;

/// The same for long rows whose packs a block keeps in registers: one read.
template <class T>
__global__ void __launch_bounds__(row_threads)
    layer_norm_kept_kernel(const T* x, const T* gamma, const T* beta, double epsilon, T* y, int64_t width) {
  constexpr int n = Pack<T>::width;
  __shared__ double scratch[32];
  const int64_t row = blockIdx.x * width;
  Pack<T> kept[kept_packs];
  double total = 0;
#pragma unroll
  for (int p = 0; p < kept_packs; ++p) {
    const int64_t i = (int64_t(p) * row_threads + threadIdx.x) * n;
    if (i >= width) continue;
    kept[p] = load_pack(x + row + i);
    for (int k = 0; k < n; ++k) total += double(kept[p].v[k]);
  }
  const double mean = block_sum(total, scratch) / double(width);
  double squares = 0;
#pragma unroll
  for (int p = 0; p < kept_packs; ++p) {
    if ((int64_t(p) * row_threads + threadIdx.x) * n >= width) continue;
    for (int k = 0; k < n; ++k) squares += (double(kept[p].v[k]) - mean) * (double(kept[p].v[k]) - mean);
  }
  const double variance = block_sum(squares, scratch) / double(width);
  const T centre = T(mean), scale = T(1 / sqrt(variance + epsilon));
#pragma unroll
  for (int p = 0; p < kept_packs; ++p) {
    const int64_t i = (int64_t(p) * row_threads + threadIdx.x) * n;
    if (i >= width) continue;
    const Pack<T> g = load_pack(gamma + i), b = load_pack(beta + i);
    for (int k = 0; k < n; ++k) kept[p].v[k] = (kept[p].v[k] - centre) * scale * g.v[k] + b.v[k];
    store_pack(y + row + i, kept[p]);
  }
}

}  // namespace

template <class T>
void batch_norm_fixed(const T* x, const T* gamma, const T* beta, const T* mean, const T* variance, double epsilon, T* y,
                      int64_t rows, int64_t channels, Stream stream) {
  const int64_t size = rows * channels;
  if (size == 0) return;
  launch<normalize_kernel<T>>({blocks_for(size, threads), threads, 0, stream}, x, gamma, beta, mean, variance, epsilon,
                              y, channels, size);
}

template <class T>
void batch_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, T* mean, T* variance, int64_t rows,
                int64_t channels, double* workspace, Stream stream) {
  if (rows * channels == 0) return;
  const int64_t chunks = sum_chunks(rows, channels), tiles = (channels + tile_columns - 1) / tile_columns;
  double *moments = workspace, *partial = workspace + 2 * channels;
  const unsigned grid = blocks_for(chunks * tiles, 1), few = blocks_for(channels, threads / 32);
  launch<moment_kernel<T, 1>>({grid, threads, 0, stream}, x, nullptr, partial, rows, channels, tiles);
  launch<finish_moment_kernel<T>>({few, threads, 0, stream}, partial, moments, mean, chunks, rows, channels);
  launch<moment_kernel<T, 2>>({grid, threads, 0, stream}, x, moments, partial, rows, channels, tiles);
  launch<finish_moment_kernel<T>>({few, threads, 0, stream}, partial, moments + channels, variance, chunks, rows,
                                  channels);
  batch_norm_fixed(x, gamma, beta, mean, variance, epsilon, y, rows, channels, stream);
}

template <class T>
void layer_norm(const T* x, const T* gamma, const T* beta, double epsilon, T* y, int64_t rows, int64_t width,
                Stream stream) {
  if (rows * width == 0) return;
  constexpr int64_t n = Pack<T>::width, long_row = 2048;
  const bool packed = width % n == 0 && aligned(x) && aligned(gamma) && aligned(beta) && aligned(y);
  if (packed && width >= long_row && width <= kept_packs * row_threads * n) {
    launch<layer_norm_kept_kernel<T>>({blocks_for(rows, 1), row_threads, 0, stream}, x, gamma, beta, epsilon, y, width);
    return;
  }
  launch<layer_norm_kernel<T>>({blocks_for(rows, 1), threads, 0, stream}, x, gamma, beta, epsilon, y, width);
}

#define KANTOR_NORM(T)                                                                                           \
  template void batch_norm(const T*, const T*, const T*, double, T*, T*, T*, int64_t, int64_t, double*, Stream); \
  template void batch_norm_fixed(const T*, const T*, const T*, const T*, const T*, double, T*, int64_t, int64_t, \
                                 Stream);                                                                        \
  template void layer_norm(const T*, const T*, const T*, double, T*, int64_t, int64_t, Stream);
KANTOR_NORM(float)
KANTOR_NORM(double)

}  // namespace kantor::KANTOR_BACKEND
