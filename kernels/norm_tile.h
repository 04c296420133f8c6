// How batch norm and its derivative cut x [rows, channels] into blocks and threads. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/batch_norm.h"
#include "kernels/pack.h"

#include <type_traits>

namespace kantor::KANTOR_BACKEND::batch_norm_blocks {

constexpr int threads = 256, columns = norm_tile, parts = threads / columns;

/// What a block takes: `columns` channels of a chunk of rows; neighbouring blocks have the same rows. A thread takes
/// `width` channels of every `rows_at_once`th row.
template <int width>
struct NormTile {
  static constexpr int across = columns / width, rows_at_once = threads / across;
  int64_t first_channel, chunk, begin, end;  // rows
  int64_t channel;                           // of the thread

  __device__ NormTile(int64_t rows, int64_t channels, int64_t length)
      : first_channel(blockIdx.x % ((channels + columns - 1) / columns) * columns),
        chunk(blockIdx.x / ((channels + columns - 1) / columns)),
        begin(chunk * length),
        end(begin + length < rows ? begin + length : rows),
        channel(first_channel + threadIdx.x % across * width) {}
  __device__ int64_t first_row() const { return begin + threadIdx.x / across; }

  // Two doubles a channel in shared memory: where they stand in a row of row_length. Threads side by side write their
  // i-th channels, and read neighbouring channels, without bank conflicts.
  static constexpr int gap = width == 1 ? 0 : 8 / width, row_length = columns + (width - 1) * gap;
  __device__ static int place(int column) { return column % width * (across + gap) + column / width; }
};

/// `width` neighbours.
template <class T, int width>
struct Row {
  T v[width];

  __device__ void load(const T* p) {
    if constexpr (width == Pack<T>::width) {
      const Pack<T> pack = load_pack(p);
      for (int i = 0; i < width; ++i) v[i] = pack.v[i];
    } else {
      v[0] = *p;
    }
  }
  __device__ void store(T* p) const {
    if constexpr (width == Pack<T>::width) {
      // store_pack would be right, but nvcc 13.0 makes four stores of it in batch norm's kernels.
      if constexpr (sizeof(T) == 4) {
        __stcg(reinterpret_cast<float4*>(p), make_float4(v[0], v[1], v[2], v[3]));
      } else {
        __stcg(reinterpret_cast<double2*>(p), make_double2(v[0], v[1]));
      }
    } else {
      *p = v[0];
    }
  }
};

/// Calls start(how many neighbours a thread reads at once, as a type).
template <class T, class F>
void with_width(bool packed, const F& start) {
  if (packed) {
    start(std::integral_constant<int, Pack<T>::width>());
  } else {
    start(std::integral_constant<int, 1>());
  }
}

/// A block for each chunk of rows and tile of channels.
inline unsigned norm_blocks(int64_t rows, int64_t channels) {
  const int64_t chunk = batch_norm_chunk(rows, channels);
  return blocks_for((rows + chunk - 1) / chunk * ((channels + columns - 1) / columns), 1);
}

}  // namespace kantor::KANTOR_BACKEND::batch_norm_blocks
