// The derivative of layer norm by x, gamma and beta. With h = (x - mean) / sqrt(variance + epsilon) and g = gamma dy,
//
//   dx = (g - mean of g - h * mean of g h) / sqrt(variance + epsilon),   dgamma = sum over rows of h dy
//
// where the means are a row's. In two launches: a block takes a chunk of rows, whose statistics it finds first (a warp
// a short row, all of the block a long one), and then goes down its columns once, writing dx and adding up what gamma
// and beta get of its rows; the second launch adds the chunks' sums in order. 12 bytes an element in float32, x and dy
// are read again while they are in the caches, and 32 bytes a chunk and column between the launches. Derivatives of
// higher order are those of this formula in ordinary ops (engine/ops/norm.cpp).
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/layer_norm.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr int64_t short_row = 1024;

/// dx = (g - shift - (x - centre) * scale * slope) * scale.
template <class T>
struct OfRow {
  T centre, scale, shift, slope;
};

/// The statistics of a row, by threads `first`, `first` + 1, ... of `team`; sum(value) adds over them, and gives it to
/// each.
template <class T, class Sum>
__device__ OfRow<T> statistics_of(const T* x, const T* gamma, const T* dy, double epsilon, int64_t width, int first,
                                  int team, const Sum& sum) {
  double total = 0;
  for (int64_t i = first; i < width; i += team) total += double(x[i]);
  const double n = double(width), mean = sum(total) / n;
  double squares = 0, gradients = 0, products = 0;
  for (int64_t i = first; i < width; i += team) {
    const double d = double(x[i]) - mean, g = double(gamma[i] * dy[i]);
    squares += d * d;
    gradients += g;
    products += g * d;
  }
  const double scale = 1 / sqrt(sum(squares) / n + epsilon);
  const double shift = sum(gradients) / n, slope = sum(products) * scale / n;
  return {T(mean), T(scale), T(shift), T(slope)};
}

/// `sums` [chunks, 2, width]: of h dy, and of dy.
template <class T>
__global__ void layer_norm_grad_kernel(const T* x, const T* gamma, const T* dy, double epsilon, T* dx, double* sums,
                                       int64_t rows, int64_t width, int64_t length) {
  __shared__ OfRow<T> of_rows[most_layer_norm_rows];
  __shared__ double scratch[32];
  const int64_t begin = blockIdx.x * length, left = rows - begin;
  const int count = int(left < length ? left : length);
  const bool by_warps = width <= short_row;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int r = by_warps ? warp : 0; r < count; r += by_warps ? warps : 1) {
    const T *x_row = x + (begin + r) * width, *dy_row = dy + (begin + r) * width;
    if (by_warps) {
      const OfRow<T> found =
          statistics_of(x_row, gamma, dy_row, epsilon, width, lane, 32, [](double value) { return warp_sum(value); });
      if (lane == 0) of_rows[r] = found;
    } else {
      const OfRow<T> found = statistics_of(x_row, gamma, dy_row, epsilon, width, int(threadIdx.x), threads,
                                           [&](double value) { return block_sum(value, scratch); });
      if (threadIdx.x == 0) of_rows[r] = found;
    }
  }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const T weight = gamma[i];
    double of_products = 0, of_dy = 0;
    for (int r = 0; r < count; ++r) {
      const int64_t at = (begin + r) * width + i;
      const OfRow<T> row = of_rows[r];
      const T d = dy[at], h = (x[at] - row.centre) * row.scale;
      dx[at] = (weight * d - row.shift - h * row.slope) * row.scale;
      of_products += double(h * d);
      of_dy += double(d);
    }
    sums[2 * blockIdx.x * width + i] = of_products;
    sums[(2 * blockIdx.x + 1) * width + i] = of_dy;
  }
}

constexpr int columns = 32, parts = threads / columns;

template <class T>
__global__ void add_chunks_kernel(const double* sums, T* dgamma, T* dbeta, int64_t chunks, int64_t width) {
  __shared__ double added[2][parts][columns];
  const int column = threadIdx.x % columns, part = threadIdx.x / columns;
  const int64_t i = int64_t(blockIdx.x) * columns + column;
  double of_products = 0, of_dy = 0;
  if (i < width) {
#pragma unroll 4
    for (int64_t chunk = part; chunk < chunks; chunk += parts) {
      of_products += sums[2 * chunk * width + i];
      of_dy += sums[(2 * chunk + 1) * width + i];
    }
  }
  added[0][part][column] = of_products;
  added[1][part][column] = of_dy;
  __syncthreads();
  if (part > 1 || i >= width) return;
  double total = 0;
  for (int k = 0; k < parts; ++k) total += added[part][k][column];
  (part == 0 ? dgamma : dbeta)[i] = T(total);
}

}  // namespace

template <class T>
void layer_norm_grad(const T* x, const T* gamma, const T* dy, double epsilon, T* dx, T* dgamma, T* dbeta, int64_t rows,
                     int64_t width, double* workspace, Stream stream) {
  if (width == 0) return;
  const int64_t length = layer_norm_chunk(rows), chunks = (rows + length - 1) / length;
  if (chunks > 0) {
    launch<layer_norm_grad_kernel<T>>({blocks_for(chunks, 1), threads, 0, stream}, x, gamma, dy, epsilon, dx, workspace,
                                      rows, width, length);
  }
  launch<add_chunks_kernel<T>>({blocks_for(width, columns), threads, 0, stream}, workspace, dgamma, dbeta, chunks,
                               width);
}

#define KANTOR_LAYER_NORM_GRAD(T) \
  template void layer_norm_grad(const T*, const T*, const T*, double, T*, T*, T*, int64_t, int64_t, double*, Stream);
KANTOR_LAYER_NORM_GRAD(float)
KANTOR_LAYER_NORM_GRAD(double)

}  // namespace kantor::KANTOR_BACKEND
