// The statistics that follow an update in versions 1 to 4 of `clip_update`, and in part in version 5. Each pass reads
// the weights once, 4 bytes a parameter, 16 bytes a thread at a time; what it leaves is small. A block takes a piece
// of one tensor. Sums go through a tree, and counts of a histogram through integer atomics in shared memory, whose
// order does not matter to integers. A last launch adds the pieces of each tensor in order.
#include "kernels/ladder/clip_update/numbers.h"
#include "kernels/ladder/clip_update/statistics.h"
#include "kernels/pack.h"

namespace kantor::KANTOR_BACKEND {
namespace {

using ladder::clip_update::columns;
using ladder::clip_update::Layout;

constexpr int threads = 256, finish_threads = 128, bins = update_bins;

/// Calls use(w) for the weights of a piece that a thread takes.
template <class Use>
__device__ void each_weight(const float* arena, const UpdatePiece& piece, const Use& use) {
  constexpr int width = Pack<float>::width;
  const float* w = arena + piece.begin;
  for (int64_t pack = threadIdx.x; pack < piece.size / width; pack += threads) {
    const Pack<float> four = load_pack(w + pack * width);
    for (int k = 0; k < width; ++k) use(four.v[k]);
  }
  const int64_t rest = piece.size / width * width + threadIdx.x;
  if (rest < piece.size) use(w[rest]);
}

__global__ void weight_numbers_kernel(const float* w, const UpdatePiece* pieces, const double* bounds,
                                      double* partial) {
  __shared__ NumbersOfWarps warps;
  const UpdatePiece piece = pieces[blockIdx.x];
  const float bound = float(bounds[piece.row]);
  Numbers mine;
  each_weight(w, piece, [&](float value) { mine.count(value, bound); });
  keep_numbers(mine, warps, partial + int64_t(blockIdx.x) * columns);
}

__global__ void weight_histogram_kernel(const float* w, const UpdatePiece* pieces, const double* bounds,
                                        double* partial) {
  __shared__ int counts[bins];
  const UpdatePiece piece = pieces[blockIdx.x];
  const float per_bin = float(bins / (2 * bounds[piece.row]));
  if (threadIdx.x < bins) counts[threadIdx.x] = 0;
  __syncthreads();
  each_weight(w, piece, [&](float value) {
    const float place = value * per_bin + bins / 2;
    atomicAdd(&counts[place < 0 ? 0 : place < bins ? int(place) : bins - 1], 1);
  });
  __syncthreads();
  if (threadIdx.x < bins) partial[int64_t(blockIdx.x) * columns + 3 + threadIdx.x] = counts[threadIdx.x];
}

/// A block adds one column of a tensor's pieces: each thread a strided part in order, then the threads in a tree.
__global__ void add_statistics_kernel(const double* partial, float* statistics, int64_t pieces_of_tensor) {
  __shared__ double part[finish_threads];
  const int t = threadIdx.x, column = blockIdx.x % columns;
  const double* of_tensor = partial + blockIdx.x / columns * pieces_of_tensor * columns;
  const auto combine = [column](double a, double b) { return column != 1 ? a + b : b > a ? b : a; };
  double total = 0;
  for (int64_t p = t; p < pieces_of_tensor; p += finish_threads)
    total = combine(total, of_tensor[p * columns + column]);
  part[t] = total;
  __syncthreads();
  for (int step = finish_threads / 2; step > 0; step /= 2) {
    if (t < step) part[t] = combine(part[t], part[t + step]);
    __syncthreads();
  }
  if (t == 0) statistics[blockIdx.x] = float(part[0]);
}

}  // namespace

void count_numbers(const Layout& layout, const float* w, const void* tables, double* partial, Stream stream) {
  launch<weight_numbers_kernel>({blocks_for(layout.pieces(), 1), threads, 0, stream}, w, layout.piece_table(tables),
                                layout.bounds(tables), partial);
}

void count_histograms(const Layout& layout, const float* w, const void* tables, double* partial, Stream stream) {
  launch<weight_histogram_kernel>({blocks_for(layout.pieces(), 1), threads, 0, stream}, w, layout.piece_table(tables),
                                  layout.bounds(tables), partial);
}

void add_statistics(const Layout& layout, const double* partial, float* statistics, Stream stream) {
  launch<add_statistics_kernel>({blocks_for(layout.tensors * columns, 1), finish_threads, 0, stream}, partial,
                                statistics, layout.pieces_of_tensor());
}

}  // namespace kantor::KANTOR_BACKEND
