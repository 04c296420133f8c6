// The derivative of batch norm by x, gamma and beta, in two launches as the forward (kernels/batch_norm.cu): sums of dy
// and of dy (x - mean) by chunks of rows, then, with v = variance + epsilon,
//
//   dx = gamma / sqrt(v) (dy - mean of dy - (x - mean) / v * mean of dy (x - mean))
//
// 20 bytes an element in float32: x and dy twice, dx once. Each block of the second launch adds the chunks' sums of its
// channels, in order. Derivatives of higher order are those of this formula in ordinary ops (engine/ops/norm.cpp).
#include "kernels/backend.h"
#include "kernels/batch_norm.h"
#include "kernels/norm_tile.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using namespace batch_norm_blocks;

constexpr int batch = 4;  // rows of x and dy that a thread reads at once

/// Sums of dy, and of dy (x - mean).
struct alignas(16) GradSums {
  double of_dy, of_products;
};

/// The sums of `count` parts, for channel threadIdx.x % columns; each thread of the block gets them.
template <class Part>
__device__ GradSums add_in_block(int64_t count, const Part& part) {
  __shared__ GradSums added[parts][columns];
  const int column = threadIdx.x % columns;
  GradSums all{0, 0};
#pragma unroll 4
  for (int64_t k = threadIdx.x / columns; k < count; k += parts) {
    const GradSums more = part(k);
    all = {all.of_dy + more.of_dy, all.of_products + more.of_products};
  }
  added[threadIdx.x / columns][column] = all;
  __syncthreads();
  all = {0, 0};
  for (int k = 0; k < parts; ++k) {
    const GradSums more = added[k][column];
    all = {all.of_dy + more.of_dy, all.of_products + more.of_products};
  }
  return all;
}

/// The sums of chunks of rows: [chunks, channels].
template <class T, int width>
__global__ void chunk_grad_sums_kernel(const T* x, const T* dy, const T* mean, GradSums* sums, int64_t rows,
                                       int64_t channels, int64_t length) {
  using Tile = NormTile<width>;
  __shared__ GradSums of_rows[Tile::rows_at_once][Tile::row_length];
  const Tile tile(rows, channels, length);
  GradSums mine[width] = {};
  if (tile.channel < channels) {
    Row<T, width> centre;
    centre.load(mean + tile.channel);
    for (int64_t r = tile.first_row(); r < tile.end; r += batch * Tile::rows_at_once) {
      Row<T, width> xs[batch] = {}, dys[batch] = {};
#pragma unroll
      for (int k = 0; k < batch; ++k) {
        const int64_t row = r + k * Tile::rows_at_once;
        if (row >= tile.end) continue;
        xs[k].load(x + row * channels + tile.channel);
        dys[k].load(dy + row * channels + tile.channel);
      }
#pragma unroll
      for (int i = 0; i < width; ++i) {
        T of_dy = 0, of_products = 0;
#pragma unroll
        for (int k = 0; k < batch; ++k) {
          of_dy += dys[k].v[i];  // 0 where there is no row
          of_products += dys[k].v[i] * (xs[k].v[i] - centre.v[i]);
        }
        mine[i].of_dy += double(of_dy);
        mine[i].of_products += double(of_products);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < width; ++i) {
    of_rows[threadIdx.x / Tile::across][Tile::place(threadIdx.x % Tile::across * width + i)] = mine[i];
  }
  __syncthreads();
  const int column = threadIdx.x % columns;
  const GradSums all = add_in_block(Tile::rows_at_once, [&](int64_t row) { return of_rows[row][Tile::place(column)]; });
  const int64_t channel = tile.first_channel + column;
  if (threadIdx.x < columns && channel < channels) sums[tile.chunk * channels + channel] = all;
}

/// dx = (dy - shift - (x - centre) * slope) * scale.
template <class T, int width>
__global__ void batch_norm_grad_kernel(const T* x, const T* gamma, const T* dy, const T* mean, const T* variance,
                                       double epsilon, const GradSums* sums, T* dx, T* dgamma, T* dbeta, int64_t rows,
                                       int64_t channels, int64_t length) {
  using Tile = NormTile<width>;
  __shared__ T centres[columns], shifts[columns], slopes[columns], scales[columns];
  const Tile tile(rows, channels, length);
  const int64_t mine = tile.first_channel + threadIdx.x % columns;
  const bool exists = mine < channels;
  const GradSums all =
      add_in_block(exists ? (rows + length - 1) / length : 0, [&](int64_t k) { return sums[k * channels + mine]; });
  if (threadIdx.x < columns && exists) {
    const double inverse = 1 / sqrt(double(variance[mine]) + epsilon);
    centres[threadIdx.x] = mean[mine];
    shifts[threadIdx.x] = T(all.of_dy / double(rows));
    slopes[threadIdx.x] = T(inverse * inverse * all.of_products / double(rows));
    scales[threadIdx.x] = T(double(gamma[mine]) * inverse);
    if (tile.chunk == 0) {
      dgamma[mine] = T(inverse * all.of_products);
      dbeta[mine] = T(all.of_dy);
    }
  }
  __syncthreads();
  if (tile.channel >= channels) return;
  const int first = threadIdx.x % Tile::across * width;
  Row<T, width> centre, shift, slope, scale;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    centre.v[i] = centres[first + i];
    shift.v[i] = shifts[first + i];
    slope.v[i] = slopes[first + i];
    scale.v[i] = scales[first + i];
  }
  for (int64_t r = tile.first_row(); r < tile.end; r += batch * Tile::rows_at_once) {
    Row<T, width> xs[batch], dys[batch];
#pragma unroll
    for (int k = 0; k < batch; ++k) {
      const int64_t row = r + k * Tile::rows_at_once;
      if (row >= tile.end) continue;
      xs[k].load(x + row * channels + tile.channel);
      dys[k].load(dy + row * channels + tile.channel);
    }
#pragma unroll
    for (int k = 0; k < batch; ++k) {
      const int64_t row = r + k * Tile::rows_at_once;
      if (row >= tile.end) break;
#pragma unroll
      for (int i = 0; i < width; ++i) {
        xs[k].v[i] = (dys[k].v[i] - shift.v[i] - (xs[k].v[i] - centre.v[i]) * slope.v[i]) * scale.v[i];
      }
      xs[k].store(dx + row * channels + tile.channel);
    }
  }
}

}  // namespace

template <class T>
void batch_norm_grad(const T* x, const T* gamma, const T* dy, const T* mean, const T* variance, double epsilon, T* dx,
                     T* dgamma, T* dbeta, int64_t rows, int64_t channels, double* workspace, Stream stream) {
  if (rows * channels == 0) return;
  const int64_t length = batch_norm_chunk(rows, channels);
  auto* sums = reinterpret_cast<GradSums*>(workspace);
  const bool packed = channels % Pack<T>::width == 0 && aligned(x) && aligned(dy) && aligned(mean) && aligned(dx);
  with_width<T>(packed, [&](auto width) {
    constexpr int w = decltype(width)::value;
    const unsigned blocks = norm_blocks(rows, channels);
    launch<chunk_grad_sums_kernel<T, w>>({blocks, threads, 0, stream}, x, dy, mean, sums, rows, channels, length);
    launch<batch_norm_grad_kernel<T, w>>({blocks, threads, 0, stream}, x, gamma, dy, mean, variance, epsilon, sums, dx,
                                         dgamma, dbeta, rows, channels, length);
  });
}

#define KANTOR_BATCH_NORM_GRAD(T)                                                                              \
  template void batch_norm_grad(const T*, const T*, const T*, const T*, const T*, double, T*, T*, T*, int64_t, \
                                int64_t, double*, Stream);
KANTOR_BATCH_NORM_GRAD(float)
KANTOR_BATCH_NORM_GRAD(double)

}  // namespace kantor::KANTOR_BACKEND
