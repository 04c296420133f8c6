// The gradient penalty of Gulrajani et al. 2017 and its kin, on the input gradient g [B, D] of the critic.
//
// With n = |g_b|, one row's share of the penalty is c/B f(n) and its derivative c/B f'(n)/n g_b: a reduction over the
// row, then a scaling of the same row. The floor is one read and one write, 8 bytes an element in float32. So the row
// stays in shared memory between the two: a warp a row while it is short (many rows a block, no barrier), a block a row
// while it fits, and only beyond that a second read.
// Norms accumulate in double: right from 1e-30 to 1e30. The rows' shares are added in order by a last, small launch.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/gradient_penalty.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr int64_t short_row = 1024;       // elements of a row that one warp takes
constexpr size_t chip_bytes = 96 * 1024;  // of a row that one block keeps: two blocks a processor from sm_80 on

template <class T>
__global__ void interpolate_kernel(const T* real, const T* fake, const T* eps, T* out, int64_t width, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const T e = eps[i / width];
  out[i] = e * real[i] + (T(1) - e) * fake[i];
}

/// Of a row of norm n: f(n), and f'(n)/n, by which the row is scaled. A NaN passes every comparison by.
struct RowPenalty {
  double value, factor;
};
__device__ RowPenalty row_penalty(PenaltyKind kind, double n) {
  switch (kind) {
    case PenaltyKind::two_sided:
      return {(n - 1) * (n - 1), n == 0 ? 0 : 2 * (n - 1) / n};
    case PenaltyKind::one_sided:
      return {n <= 1 ? 0 : (n - 1) * (n - 1), n <= 1 ? 0 : 2 * (n - 1) / n};
    case PenaltyKind::squared:
      return {n * n / 2, 1};
  }
  return {0, 0};
}

/// A warp a row, the row in shared memory.
template <class T>
__global__ void penalty_warp_kernel(PenaltyKind kind, double share, const T* g, T* derivative, T* norms, double* shares,
                                    int64_t rows, int64_t width) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  T* row = dynamic_shared<T>() + warp * width;
  const int64_t r = int64_t(blockIdx.x) * warps + warp;
  double squares = 0;
  if (r < rows) {
    for (int64_t i = lane; i < width; i += 32) {
      row[i] = g[r * width + i];  // read again by the same lane: no barrier
      squares += double(row[i]) * double(row[i]);
    }
  }
  const double n = sqrt(warp_sum(squares));
  if (r >= rows) return;
  const RowPenalty p = row_penalty(kind, n);
  for (int64_t i = lane; i < width; i += 32) derivative[r * width + i] = T(p.factor * share * double(row[i]));
  if (lane == 0) {
    norms[r] = T(n);
    shares[r] = p.value * share;
  }
}

/// A block a row; kept in shared memory where `keep`, else read again.
template <class T, bool keep>
__global__ void penalty_block_kernel(PenaltyKind kind, double share, const T* g, T* derivative, T* norms,
                                     double* shares, int64_t width) {
  __shared__ double scratch[32];
  T* row = dynamic_shared<T>();
  const T* source = g + blockIdx.x * width;
  double squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const T v = source[i];
    if constexpr (keep) row[i] = v;  // read again by the same thread
    squares += double(v) * double(v);
  }
  const double n = sqrt(block_sum(squares, scratch));
  const RowPenalty p = row_penalty(kind, n);
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const T v = keep ? row[i] : source[i];
    derivative[blockIdx.x * width + i] = T(p.factor * share * double(v));
  }
  if (threadIdx.x == 0) {
    norms[blockIdx.x] = T(n);
    shares[blockIdx.x] = p.value * share;
  }
}

/// value = sum of shares: each thread a strided part in order, then the block.
template <class T>
__global__ void add_shares_kernel(const double* shares, T* value, int64_t rows) {
  __shared__ double scratch[32];
  double total = 0;
  for (int64_t i = threadIdx.x; i < rows; i += threads) total += shares[i];
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) *value = T(total);
}

}  // namespace

template <class T>
void interpolate(const T* real, const T* fake, const T* eps, T* out, int64_t rows, int64_t width, Stream stream) {
  const int64_t size = rows * width;
  if (size == 0) return;
  launch<interpolate_kernel<T>>({blocks_for(size, threads), threads, 0, stream}, real, fake, eps, out, width, size);
}

template <class T>
void gradient_penalty(PenaltyKind kind, double coefficient, const T* g, T* value, T* derivative, T* norms, int64_t rows,
                      int64_t width, double* workspace, Stream stream) {
  const double share = rows == 0 ? 0 : coefficient / double(rows);
  const size_t row_bytes = size_t(width) * sizeof(T);
  if (rows > 0 && width <= short_row) {
    launch<penalty_warp_kernel<T>>({blocks_for(rows, warps), threads, warps * row_bytes, stream}, kind, share, g,
                                   derivative, norms, workspace, rows, width);
  } else if (rows > 0 && row_bytes <= chip_bytes) {
    launch<penalty_block_kernel<T, true>>({blocks_for(rows, 1), threads, row_bytes, stream}, kind, share, g, derivative,
                                          norms, workspace, width);
  } else if (rows > 0) {
    launch<penalty_block_kernel<T, false>>({blocks_for(rows, 1), threads, 0, stream}, kind, share, g, derivative, norms,
                                           workspace, width);
  }
  launch<add_shares_kernel<T>>({1, threads, 0, stream}, workspace, value, rows);
}

template void interpolate(const float*, const float*, const float*, float*, int64_t, int64_t, Stream);
template void interpolate(const double*, const double*, const double*, double*, int64_t, int64_t, Stream);
template void gradient_penalty(PenaltyKind, double, const float*, float*, float*, float*, int64_t, int64_t, double*,
                               Stream);
template void gradient_penalty(PenaltyKind, double, const double*, double*, double*, double*, int64_t, int64_t, double*,
                               Stream);

}  // namespace kantor::KANTOR_BACKEND
