// The gradient penalty of Gulrajani et al. 2017 and its kin, on the input gradient g [B, D] of the critic.
//
// With n = |g_b|, one row's share of the penalty is c/B f(n) and its derivative c/B f'(n)/n g_b: a reduction over the
// row, then a scaling of the same row. The floor is one read and one write, 8 bytes an element in float32. So the row
// stays on the chip between the two: with its thread while it has few elements, in shared memory for a warp while it is
// short (many rows a block, no barrier), for a block while it fits. Longer rows, and long ones that are too few to fill
// a GPU, are split over blocks: one launch takes the squares of each stretch, the next reads the stretches again, which
// the second-level cache still has in part, and scales them. Interpolates x_hat = eps x + (1 - eps) x_fake: two reads,
// one write, 12 bytes an element; eps is one number a row, drawn where it is used (20 wide multiplications a pack of 16
// bytes, which hide behind the loads), so that no launch and no byte goes into it. Norms accumulate in double: right
// from 1e-30 to 1e30. Each block adds its rows' shares of the penalty, and a last, small launch the blocks', in order;
// one block needs none. kernels/ladder/gradient_penalty/ has the steps that lead here, one by one.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/gradient_penalty.h"
#include "kernels/pack.h"
#include "kernels/row_penalty.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr int64_t few_elements = 8;  // a thread takes rows of at most this many elements,
constexpr int64_t short_row = 1024;  // a warp of this many

template <class T>
struct GivenEps {
  const T* eps;
  __device__ T operator()(int64_t row) const { return eps[row]; }
};

template <class T>
struct DrawnEps {
  DrawKey key;
  __device__ T operator()(int64_t row) const {
    const uint64_t element = uint64_t(key.first + row);
    return T(uniform_of(philox(key.seed, element / 4, key.stream, uint64_t(*key.step)).v[element % 4]));
  }
};

/// One thread per pack of the flat arrays. eps is computed where a row begins and at the start of the pack.
template <class T, class Eps>
__global__ void interpolate_kernel(Eps eps, const T* real, const T* fake, T* out, int64_t width, int64_t size,
                                   bool packed) {
  constexpr int n = Pack<T>::width;
  const int64_t begin = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * n;
  if (begin >= size) return;
  int64_t row = begin / width, row_end = (row + 1) * width;
  T e = eps(row);
  const auto one = [&](int64_t i, T x, T y) {
    if (i == row_end) {
      e = eps(++row);
      row_end += width;
    }
    return e * x + (T(1) - e) * y;
  };
  if (packed && begin + n <= size) {
    const Pack<T> x = load_pack(real + begin), y = load_pack(fake + begin);
    Pack<T> z;
    for (int k = 0; k < n; ++k) z.v[k] = one(begin + k, x.v[k], y.v[k]);
    store_pack(out + begin, z);
  } else {
    for (int64_t i = begin; i < size && i < begin + n; ++i) out[i] = one(i, real[i], fake[i]);
  }
}

/// Where a block's share of the penalty goes: to its place among the blocks', or, from the only block, to the value.
template <class T>
struct Shares {
  double* of_blocks;
  T* value;
  /// Called by all threads with what each has to add.
  __device__ void add(double share) const {
    __shared__ double scratch[32];
    const double total = block_sum(share, scratch);
    if (threadIdx.x != 0) return;
    if (gridDim.x == 1) {
      *value = T(total);
    } else {
      of_blocks[blockIdx.x] = total;
    }
  }
};

/// One thread per row of few elements.
template <class T>
__global__ void penalty_thread_kernel(PenaltyKind kind, double share, const T* g, T* derivative, T* norms,
                                      Shares<T> shares, int64_t rows, int width) {
  const int64_t r = int64_t(blockIdx.x) * threads + threadIdx.x;
  double mine = 0;
  if (r < rows) {
    double squares = 0;
    for (int i = 0; i < width; ++i) squares += double(g[r * width + i]) * double(g[r * width + i]);
    const double n = sqrt(squares);
    const RowPenalty p = row_penalty(kind, n);
    for (int i = 0; i < width; ++i) derivative[r * width + i] = T(p.factor * share * double(g[r * width + i]));
    norms[r] = T(n);
    mine = p.value * share;
  }
  shares.add(mine);
}

/// One warp per row; the row stays in shared memory.
template <class T>
__global__ void penalty_warp_kernel(PenaltyKind kind, double share, const T* g, T* derivative, T* norms,
                                    Shares<T> shares, int64_t rows, int64_t width) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  T* row = dynamic_shared<T>() + warp * width;
  const int64_t r = int64_t(blockIdx.x) * warps + warp;
  double squares = 0, mine = 0;
  if (r < rows) {
    for (int64_t i = lane; i < width; i += 32) {
      row[i] = g[r * width + i];  // read again by the same lane: no barrier
      squares += double(row[i]) * double(row[i]);
    }
  }
  const double n = sqrt(warp_sum(squares));
  if (r < rows) {
    const RowPenalty p = row_penalty(kind, n);
    for (int64_t i = lane; i < width; i += 32) derivative[r * width + i] = T(p.factor * share * double(row[i]));
    if (lane == 0) {
      norms[r] = T(n);
      mine = p.value * share;
    }
  }
  shares.add(mine);
}

/// One block per row, which stays in shared memory.
template <class T>
__global__ void penalty_block_kernel(PenaltyKind kind, double share, const T* g, T* derivative, T* norms,
                                     Shares<T> shares, int64_t width) {
  __shared__ double scratch[32];
  T* row = dynamic_shared<T>();
  const T* source = g + blockIdx.x * width;
  double squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    row[i] = source[i];  // read again by the same thread
    squares += double(row[i]) * double(row[i]);
  }
  const double n = sqrt(block_sum(squares, scratch));
  const RowPenalty p = row_penalty(kind, n);
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    derivative[blockIdx.x * width + i] = T(p.factor * share * double(row[i]));
  }
  if (threadIdx.x == 0) norms[blockIdx.x] = T(n);
  shares.add(threadIdx.x == 0 ? p.value * share : 0);
}

/// Where a block's stretch of a row lies; blocks of a row stand together.
struct Stretch {
  int64_t row, number, begin, end;
  __device__ Stretch(int64_t stretches, int64_t width)
      : row(blockIdx.x / stretches),
        number(blockIdx.x % stretches),
        begin(row * width + number * penalty_stretch),
        end(number + 1 < stretches ? begin + penalty_stretch : (row + 1) * width) {}
};

/// The squares of each stretch.
template <class T>
__global__ void stretch_squares_kernel(const T* g, double* squares, int64_t stretches, int64_t width) {
  __shared__ double scratch[32];
  const Stretch stretch(stretches, width);
  double total = 0;
  for (int64_t i = stretch.begin + threadIdx.x; i < stretch.end; i += threads) total += double(g[i]) * double(g[i]);
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) squares[blockIdx.x] = total;
}

/// Adds the row's squares in order, and scales the stretch. A row's first block has its norm and share.
template <class T>
__global__ void penalty_stretch_kernel(PenaltyKind kind, double share, const T* g, const double* squares, T* derivative,
                                       T* norms, double* shares, int64_t stretches, int64_t width) {
  __shared__ double scratch[32];
  const Stretch stretch(stretches, width);
  double total = 0;
  for (int64_t k = threadIdx.x; k < stretches; k += threads) total += squares[stretch.row * stretches + k];
  const double n = sqrt(block_sum(total, scratch));
  const RowPenalty p = row_penalty(kind, n);
  for (int64_t i = stretch.begin + threadIdx.x; i < stretch.end; i += threads) {
    derivative[i] = T(p.factor * share * double(g[i]));
  }
  if (stretch.number == 0 && threadIdx.x == 0) {
    norms[stretch.row] = T(n);
    shares[stretch.row] = p.value * share;
  }
}

/// value = sum of shares: each thread adds a strided part in order, then the block adds the threads' sums.
template <class T>
__global__ void add_shares_kernel(const double* shares, T* value, int64_t count) {
  __shared__ double scratch[32];
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += threads) total += shares[i];
  total = block_sum(total, scratch);
  if (threadIdx.x == 0) *value = T(total);
}

template <class T, class Eps>
void interpolate_by(Eps eps, const T* real, const T* fake, T* out, int64_t rows, int64_t width, Stream stream) {
  const int64_t size = rows * width;
  if (size == 0) return;
  const bool packed = aligned(real) && aligned(fake) && aligned(out);
  launch<interpolate_kernel<T, Eps>>({blocks_for(size, threads * Pack<T>::width), threads, 0, stream}, eps, real, fake,
                                     out, width, size, packed);
}

}  // namespace

template <class T>
void interpolate(const T* real, const T* fake, const T* eps, T* out, int64_t rows, int64_t width, Stream stream) {
  interpolate_by(GivenEps<T>{eps}, real, fake, out, rows, width, stream);
}

template <class T>
void interpolate_drawn(const T* real, const T* fake, DrawKey key, T* out, int64_t rows, int64_t width, Stream stream) {
  interpolate_by(DrawnEps<T>{key}, real, fake, out, rows, width, stream);
}

template <class T>
void gradient_penalty(PenaltyKind kind, double coefficient, const T* g, T* value, T* derivative, T* norms, int64_t rows,
                      int64_t width, double* workspace, Stream stream) {
  const double share = rows == 0 ? 0 : coefficient / double(rows);
  const size_t row_bytes = size_t(width) * sizeof(T);
  const Shares<T> shares{workspace, value};
  const auto add_shares = [&](int64_t count) {
    launch<add_shares_kernel<T>>({1, threads, 0, stream}, workspace, value, count);
  };
  if (rows == 0) return add_shares(0);
  if (splits_rows(rows, width, sizeof(T))) {
    const int64_t stretches = (width + penalty_stretch - 1) / penalty_stretch;
    const unsigned blocks = blocks_for(rows * stretches, 1);
    double* squares = workspace + rows;
    launch<stretch_squares_kernel<T>>({blocks, threads, 0, stream}, g, squares, stretches, width);
    launch<penalty_stretch_kernel<T>>({blocks, threads, 0, stream}, kind, share, g, squares, derivative, norms,
                                      workspace, stretches, width);
    return add_shares(rows);
  }
  unsigned blocks = 0;
  if (width <= few_elements) {
    blocks = blocks_for(rows, threads);
    launch<penalty_thread_kernel<T>>({blocks, threads, 0, stream}, kind, share, g, derivative, norms, shares, rows,
                                     int(width));
  } else if (width <= short_row) {
    blocks = blocks_for(rows, warps);
    launch<penalty_warp_kernel<T>>({blocks, threads, warps * row_bytes, stream}, kind, share, g, derivative, norms,
                                   shares, rows, width);
  } else {
    blocks = blocks_for(rows, 1);
    launch<penalty_block_kernel<T>>({blocks, threads, row_bytes, stream}, kind, share, g, derivative, norms, shares,
                                    width);
  }
  if (blocks > 1) add_shares(blocks);
}

template void interpolate(const float*, const float*, const float*, float*, int64_t, int64_t, Stream);
template void interpolate(const double*, const double*, const double*, double*, int64_t, int64_t, Stream);
template void interpolate_drawn(const float*, const float*, DrawKey, float*, int64_t, int64_t, Stream);
template void interpolate_drawn(const double*, const double*, DrawKey, double*, int64_t, int64_t, Stream);
template void gradient_penalty(PenaltyKind, double, const float*, float*, float*, float*, int64_t, int64_t, double*,
                               Stream);
template void gradient_penalty(PenaltyKind, double, const double*, double*, double*, double*, int64_t, int64_t, double*,
                               Stream);

}  // namespace kantor::KANTOR_BACKEND
