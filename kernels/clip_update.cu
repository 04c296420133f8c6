// The fused optimizer step: update (SGD; RMSProp, Hinton's lecture 6e; Adam, Kingma and Ba 2015), clip, statistics.
//
// Bytes: w and g are read, w written, and each state array read and written: 12, 20, 28 bytes a parameter in float32,
// and not one more, because the statistics are counted while the new weight is in a register. FLOPs: about 12, nothing
// beside the bytes. Everything else would be launches: PyTorch takes one a tensor and an operation. So one grid covers
// the whole arena, a block a piece of 4096 elements of one tensor, found in a table; a thread takes 16 bytes of each
// array at a time. Counts go to shared memory by integer atomics (order does not matter to integers), sums through a
// tree; a second, small launch adds the pieces of each tensor in order.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/clip_update.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256;

/// The settings in the arithmetic of one element. Adam's bias corrections are folded into `size` and `root`.
template <class T>
struct Coefficients {
  T rate, epsilon, alpha, alpha_rest, beta1, beta1_rest, beta2, beta2_rest, size, root;

  __device__ explicit Coefficients(const UpdateSettings& s) {
    const double step = double(*s.step), learning_rate = *s.learning_rate;
    rate = T(learning_rate);
    epsilon = T(s.epsilon);
    alpha = T(s.alpha);
    alpha_rest = T(1 - s.alpha);
    beta1 = T(s.beta1);
    beta1_rest = T(1 - s.beta1);
    beta2 = T(s.beta2);
    beta2_rest = T(1 - s.beta2);
    size = T(learning_rate / (1 - pow(s.beta1, step)));
    root = T(1 / sqrt(1 - pow(s.beta2, step)));
  }
};

template <UpdateRule rule, class T>
__device__ void update(const Coefficients<T>& c, T& w, T g, T& m, T& v) {
  if constexpr (rule == UpdateRule::sgd) {
    w -= c.rate * g;
  } else if constexpr (rule == UpdateRule::rmsprop) {
    v = c.alpha * v + c.alpha_rest * g * g;
    w -= c.rate * g / (sqrt(v) + c.epsilon);
  } else if constexpr (rule == UpdateRule::adam) {
    m = c.beta1 * m + c.beta1_rest * g;
    v = c.beta2 * v + c.beta2_rest * g * g;
    w -= c.size * m / (sqrt(v) * c.root + c.epsilon);
  }
}

/// What a thread has seen of its weights.
template <class T>
struct Seen {
  int saturated = 0, non_finite = 0;
  T largest = 0;
  double squares = 0;

  __device__ void count(T w, T bound) {
    const T a = fabs(w);
    const bool finite = a <= T(sizeof(T) == 4 ? 3.402823466e38 : 1.797693134862315708e308);
    non_finite += finite ? 0 : 1;
    saturated += a == bound && finite ? 1 : 0;
    largest = finite && a > largest ? a : largest;
    squares += double(w) * double(w);
  }
};

template <class T>
__device__ int bin_of(T w, double range) {
  T x = w * T(update_bins / (2 * range)) + T(update_bins / 2);
  x = x < T(update_bins - 1) ? x : T(update_bins - 1);  // NaN counts in the last bin
  x = x > T(0) ? x : T(0);
  return int(x);
}

template <UpdateRule rule, class T>
__global__ void clip_update_kernel(UpdateSettings settings, T* w, const T* g, T* m, T* v, const UpdatePiece* pieces,
                                   const double* bounds, const double* statistics, double* partial) {
  constexpr int width = Pack<T>::width;
  constexpr bool has_m = rule == UpdateRule::adam, has_v = has_m || rule == UpdateRule::rmsprop;
  __shared__ double scratch[32];
  __shared__ int histogram[update_bins];
  __shared__ int counts[2];
  const UpdatePiece piece = pieces[blockIdx.x];
  const Coefficients<T> c(settings);
  const T bound = T(bounds[piece.row]);
  const bool bounded = bounds[piece.row] < 1e300, histograms = *settings.histograms != 0;
  const double range = bounded ? bounds[piece.row] : statistics[piece.row * update_columns + 2];
  if (threadIdx.x < update_bins) histogram[threadIdx.x] = 0;
  if (threadIdx.x < 2) counts[threadIdx.x] = 0;
  __syncthreads();

  Seen<T> seen;
  const auto one = [&](T& weight, T gradient, T& mean, T& square) {
    update<rule>(c, weight, gradient, mean, square);
    weight = weight > bound ? bound : weight;  // NaN compares false and stays
    weight = weight < -bound ? -bound : weight;
    seen.count(weight, bound);
    if (histograms && range > 0) atomicAdd(&histogram[bin_of(weight, range)], 1);
  };
  for (int64_t i = int64_t(threadIdx.x) * width; i < piece.size; i += threads * width) {
    const int64_t at = piece.begin + i;
    if (i + width <= piece.size) {  // rows of an arena begin at multiples of 64 bytes
      Pack<T> pw = *reinterpret_cast<Pack<T>*>(w + at), pg{}, pm{}, pv{};
      if constexpr (rule != UpdateRule::only_clip) pg = *reinterpret_cast<const Pack<T>*>(g + at);
      if constexpr (has_m) pm = *reinterpret_cast<Pack<T>*>(m + at);
      if constexpr (has_v) pv = *reinterpret_cast<Pack<T>*>(v + at);
      for (int k = 0; k < width; ++k) one(pw.v[k], pg.v[k], pm.v[k], pv.v[k]);
      *reinterpret_cast<Pack<T>*>(w + at) = pw;
      if constexpr (has_m) *reinterpret_cast<Pack<T>*>(m + at) = pm;
      if constexpr (has_v) *reinterpret_cast<Pack<T>*>(v + at) = pv;
    } else {
      for (int64_t k = at; k < piece.begin + piece.size; ++k) {
        T weight = w[k], mean = has_m ? m[k] : T(0), square = has_v ? v[k] : T(0);
        one(weight, rule == UpdateRule::only_clip ? T(0) : g[k], mean, square);
        w[k] = weight;
        if constexpr (has_m) m[k] = mean;
        if constexpr (has_v) v[k] = square;
      }
    }
  }

  atomicAdd(&counts[0], seen.saturated);
  atomicAdd(&counts[1], seen.non_finite);
  T largest = seen.largest;
  for (int offset = 16; offset > 0; offset /= 2) {
    const T other = __shfl_xor_sync(full_warp, largest, offset);
    largest = other > largest ? other : largest;
  }
  const double squares = block_sum(seen.squares, scratch);
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = double(largest);
  __syncthreads();
  double* out = partial + int64_t(blockIdx.x) * update_columns;
  if (threadIdx.x == 0) {
    double most = 0;
    for (int k = 0; k < threads / 32; ++k) most = scratch[k] > most ? scratch[k] : most;
    out[0] = bounded ? counts[0] : 0;
    out[1] = counts[1];
    out[2] = most;
    out[3] = squares;
    out[4] = range;
  }
  if (threadIdx.x < update_bins) out[5 + threadIdx.x] = histogram[threadIdx.x];
}

constexpr int finish_columns = 64, finish_groups = 8;
static_assert(update_columns <= finish_columns);

/// First of the pieces, which stand in row order, whose row is at least `row`.
__device__ int64_t first_piece(const UpdatePiece* pieces, int64_t count, int64_t row) {
  int64_t low = 0, high = count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (pieces[middle].row < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Column 2 is a maximum, column 4 the same for all pieces, the others are sums.
__device__ double combine(int column, double a, double b) {
  return column == 2 ? (b > a ? b : a) : column == 4 ? b : a + b;
}

/// A block a tensor, a thread a column of a group of its pieces: in order within a group, then the groups in order.
__global__ void finish_statistics_kernel(const double* partial, const UpdatePiece* pieces, int64_t piece_count,
                                         double* statistics) {
  __shared__ double groups[finish_groups][finish_columns];
  const int column = threadIdx.x % finish_columns, group = threadIdx.x / finish_columns;
  const int64_t first = first_piece(pieces, piece_count, blockIdx.x);
  const int64_t last = first_piece(pieces, piece_count, int64_t(blockIdx.x) + 1);
  const int64_t share = (last - first + finish_groups - 1) / finish_groups;
  const int64_t begin = first + group * share, end = begin + share < last ? begin + share : last;
  double total = 0;
  if (column < update_columns) {
    for (int64_t p = begin; p < end; ++p) total = combine(column, total, partial[p * update_columns + column]);
  }
  groups[group][column] = total;
  __syncthreads();
  if (group != 0 || column >= update_columns) return;
  for (int k = 1; k < finish_groups; ++k) {
    if (first + k * share < last) total = combine(column, total, groups[k][column]);
  }
  statistics[int64_t(blockIdx.x) * update_columns + column] = total;
}

}  // namespace

template <class T>
void clip_update(const UpdateSettings& settings, T* w, const T* g, T* m, T* v, const UpdatePiece* pieces,
                 int64_t piece_count, const double* bounds, int64_t rows, double* statistics, double* partial,
                 Stream stream) {
  if (rows == 0) return;
  const auto go = [&]<UpdateRule rule>() {
    launch<clip_update_kernel<rule, T>>({blocks_for(piece_count, 1), threads, 0, stream}, settings, w, g, m, v, pieces,
                                        bounds, statistics, partial);
  };
  if (piece_count > 0) {
    switch (settings.rule) {
      case UpdateRule::only_clip:
        go.template operator()<UpdateRule::only_clip>();
        break;
      case UpdateRule::sgd:
        go.template operator()<UpdateRule::sgd>();
        break;
      case UpdateRule::rmsprop:
        go.template operator()<UpdateRule::rmsprop>();
        break;
      case UpdateRule::adam:
        go.template operator()<UpdateRule::adam>();
        break;
    }
  }
  launch<finish_statistics_kernel>({blocks_for(rows, 1), finish_columns * finish_groups, 0, stream}, partial, pieces,
                                   piece_count, statistics);
}

template void clip_update(const UpdateSettings&, float*, const float*, float*, float*, const UpdatePiece*, int64_t,
                          const double*, int64_t, double*, double*, Stream);
template void clip_update(const UpdateSettings&, double*, const double*, double*, double*, const UpdatePiece*, int64_t,
                          const double*, int64_t, double*, double*, Stream);

}  // namespace kantor::KANTOR_BACKEND
