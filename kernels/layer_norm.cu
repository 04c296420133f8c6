// Layer norm: a block a row, 8 bytes an element in float32: short rows stay in the L1 for three passes, long ones in
// the registers of 1024 threads. Its derivative is in layer_norm_grad.cu.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/layer_norm.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

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

template void layer_norm(const float*, const float*, const float*, double, float*, int64_t, int64_t, Stream);
template void layer_norm(const double*, const double*, const double*, double, double*, int64_t, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
