// The fused optimizer step: update (by a rule of kernels/update_rules/), clip, statistics.
//
// Bytes: w and g are read, w written, and each state array read and written: 12, 20, 28 bytes a parameter in float32,
// and not one more, because the statistics are counted while the new weight is in a register. FLOPs: about 12, nothing
// beside the bytes. The other cost is launches: PyTorch needs one per tensor and operation. Therefore one grid covers
// the whole arena. A block takes a piece of 4096 elements of one tensor from a table; a thread takes 16 bytes of each
// array at a time. Counts go to shared memory by integer atomics (order does not matter to integers), sums through a
// tree. The pieces of each tensor are then added in an order of their own: by the block that is the last to end, where
// they are few, so that one launch is all; else by a second launch. Whoever adds them also takes the powers of the
// decays that the next update needs, so that no thread of an update takes one.
#include "kernels/backend.h"
#include "kernels/block.h"
#include "kernels/clip_update.h"
#include "kernels/pack.h"
#include "kernels/update_rules/update_rules.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int threads = 256, finish_threads = 1024, scalar_columns = update_columns - update_bins;
static_assert(update_bins == 32, "a lane writes a bin");
constexpr int64_t one_launch_pieces = 128;  // as many as one block adds in about the time of a launch

/// The clip alone, as a rule.
struct ClipOnly {
  static constexpr int states = 0;
  template <class T>
  struct Update {
    __device__ Update(const UpdateSettings&, const UpdateScalars&) {}
    __device__ T operator()(T w, T, T&, T&) const { return w; }
  };
};

/// Statistics of the weights that one thread has processed.
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

/// The powers of the decays at update t: those that the last update took, unless the step was changed since.
__device__ UpdateScalars scalars_of(const UpdateSettings& settings, double learning_rate,
                                    const UpdateProgress& progress) {
  const double t = double(*progress.step + 1);
  if (progress.powers[2] == t) return {learning_rate, progress.powers[0], progress.powers[1]};
  return {learning_rate, pow(settings.beta1, t), pow(settings.beta2, t)};
}

/// Ends an update: counts it, and takes the powers of the next. One thread calls it, when no other reads them any more.
__device__ void end_update(const UpdateSettings& settings, const UpdateProgress& progress) {
  const double t = double(++*progress.step + 1);
  progress.powers[0] = pow(settings.beta1, t);
  progress.powers[1] = pow(settings.beta2, t);
  progress.powers[2] = t;
}

/// Largest values, and the range, which all pieces share, are maxima; the others are sums.
__device__ double combine(int column, double a, double b) {
  return column == 2 || column == 4 ? (b > a ? b : a) : a + b;
}

/// Index of the first piece whose row is at least `row`; pieces are in row order.
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

/// A warp adds the partial statistics of the pieces [begin, end): each lane a stretch in order, then the lanes in a
/// tree. Without histograms their columns are zeros.
__device__ void add_pieces(const double* partial, int64_t begin, int64_t end, bool histograms, double* out) {
  const int lane = threadIdx.x % 32;
  const int64_t share = (end - begin + 31) / 32, first = begin + lane * share;
  const int64_t last = first + share < end ? first + share : end;
  for (int column = 0; column < (histograms ? update_columns : scalar_columns); ++column) {
    double total = 0;
    for (int64_t p = first; p < last; ++p) total = combine(column, total, partial[p * update_columns + column]);
    for (int offset = 1; offset < 32; offset *= 2) {
      total = combine(column, total, __shfl_down_sync(full_warp, total, offset));
    }
    if (lane == 0) out[column] = total;
  }
  if (!histograms) out[scalar_columns + lane] = 0;
}

/// `alone`: the last block adds the pieces; else finish_statistics_kernel does.
template <class Rule, class T>
__global__ void clip_update_kernel(UpdateSettings settings, const double* learning_rate,
                                   const int64_t* histograms_wanted, UpdateArrays<T> a, bool alone) {
  constexpr int width = Pack<T>::width;
  constexpr bool gradient = !std::is_same_v<Rule, ClipOnly>, has_first = Rule::states > 0,
                 has_second = Rule::states > 1;
  __shared__ double scratch[32];
  __shared__ int histogram[update_bins];
  __shared__ int counts[2];
  const UpdatePiece piece = a.pieces[blockIdx.x];
  const typename Rule::template Update<T> updated(settings, scalars_of(settings, *learning_rate, a.progress));
  const T bound = T(a.bounds[piece.row]);
  const bool bounded = a.bounds[piece.row] < 1e300, histograms = *histograms_wanted != 0;
  const double range = bounded ? a.bounds[piece.row] : a.statistics[piece.row * update_columns + 2];
  if (threadIdx.x < update_bins) histogram[threadIdx.x] = 0;
  if (threadIdx.x < 2) counts[threadIdx.x] = 0;
  __syncthreads();

  Seen<T> seen;
  const auto one = [&](T& w, T g, T& first, T& second) {
    w = updated(w, g, first, second);
    w = w > bound ? bound : w;  // NaN compares false and stays
    w = w < -bound ? -bound : w;
    seen.count(w, bound);
    if (histograms && range > 0) atomicAdd(&histogram[bin_of(w, range)], 1);
  };
  for (int64_t i = int64_t(threadIdx.x) * width; i < piece.size; i += threads * width) {
    const int64_t at = piece.begin + i;
    if (i + width <= piece.size) {  // rows of an arena begin at multiples of 64 bytes
      Pack<T> w = load_pack(a.w + at), g{}, first{}, second{};
      if constexpr (gradient) g = load_pack(a.g + at);
      if constexpr (has_first) first = load_pack(a.first + at);
      if constexpr (has_second) second = load_pack(a.second + at);
      for (int k = 0; k < width; ++k) one(w.v[k], g.v[k], first.v[k], second.v[k]);
      store_pack(a.w + at, w);
      if constexpr (has_first) store_pack(a.first + at, first);
      if constexpr (has_second) store_pack(a.second + at, second);
    } else {
      for (int64_t k = at; k < piece.begin + piece.size; ++k) {
        T w = a.w[k], first = has_first ? a.first[k] : T(0), second = has_second ? a.second[k] : T(0);
        one(w, gradient ? a.g[k] : T(0), first, second);
        a.w[k] = w;
        if constexpr (has_first) a.first[k] = first;
        if constexpr (has_second) a.second[k] = second;
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
  double* out = a.partial + int64_t(blockIdx.x) * update_columns;
  if (threadIdx.x == 0) {
    double most = 0;
    for (int k = 0; k < threads / 32; ++k) most = scratch[k] > most ? scratch[k] : most;
    out[0] = bounded ? counts[0] : 0;
    out[1] = counts[1];
    out[2] = most;
    out[3] = squares;
    out[4] = range;
  }
  if (threadIdx.x < update_bins) out[scalar_columns + threadIdx.x] = histogram[threadIdx.x];
  if (!alone || !is_last_block(a.progress.arrived, gridDim.x)) return;
  for (int64_t row = threadIdx.x / 32; row < a.rows; row += threads / 32) {
    add_pieces(a.partial, first_piece(a.pieces, a.piece_count, row), first_piece(a.pieces, a.piece_count, row + 1),
               histograms, a.statistics + row * update_columns);
  }
  if (gradient && threadIdx.x == 0) end_update(settings, a.progress);
}

/// One block per tensor, each warp a stretch of its pieces; then the warps in order. Block 0 ends the update.
__global__ void __launch_bounds__(finish_threads)
    finish_statistics_kernel(UpdateSettings settings, bool update, const int64_t* histograms_wanted,
                             const double* partial, const UpdatePiece* pieces, int64_t piece_count, double* statistics,
                             UpdateProgress progress) {
  __shared__ double of_warps[finish_threads / 32][update_columns];
  const int64_t first = first_piece(pieces, piece_count, blockIdx.x);
  const int64_t last = first_piece(pieces, piece_count, int64_t(blockIdx.x) + 1);
  const int warp = threadIdx.x / 32;
  const int64_t share = (last - first + finish_threads / 32 - 1) / (finish_threads / 32), begin = first + warp * share;
  const int64_t end = begin + share < last ? begin + share : last;
  add_pieces(partial, begin < last ? begin : last, end, *histograms_wanted != 0, of_warps[warp]);
  __syncthreads();
  if (threadIdx.x < update_columns) {
    double total = 0;
    for (int w = 0; w < finish_threads / 32; ++w) total = combine(threadIdx.x, total, of_warps[w][threadIdx.x]);
    statistics[int64_t(blockIdx.x) * update_columns + threadIdx.x] = total;
  }
  if (update && blockIdx.x == 0 && threadIdx.x == 0) end_update(settings, progress);
}

}  // namespace

template <class T>
void clip_update(int rule, const UpdateSettings& settings, const double* learning_rate, const int64_t* histograms,
                 const UpdateArrays<T>& a, Stream stream) {
  if (a.rows == 0) return;
  const bool alone = a.piece_count > 0 && a.piece_count <= one_launch_pieces;
  const auto go = [&]<class Rule>(Rule) {
    launch<clip_update_kernel<Rule, T>>({blocks_for(a.piece_count, 1), threads, 0, stream}, settings, learning_rate,
                                        histograms, a, alone);
  };
  if (a.piece_count > 0) {
    if (rule == clip_only) {
      go(ClipOnly{});
    } else {
      with_update_rule(rule, go);
    }
  }
  if (alone) return;
  launch<finish_statistics_kernel>({blocks_for(a.rows, 1), finish_threads, 0, stream}, settings, rule != clip_only,
                                   histograms, a.partial, a.pieces, a.piece_count, a.statistics, a.progress);
}

#define KANTOR_CLIP_UPDATE(T) \
  template void clip_update(int, const UpdateSettings&, const double*, const int64_t*, const UpdateArrays<T>&, Stream);
KANTOR_CLIP_UPDATE(float)
KANTOR_CLIP_UPDATE(double)

}  // namespace kantor::KANTOR_BACKEND
