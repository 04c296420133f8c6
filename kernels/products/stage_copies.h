// A thread's share of the copies of one operand from memory to the stages of a tile. For kernel files.
#pragma once

#include "kernels/products/tiling.h"
#include "kernels/ptx.h"

namespace kantor::KANTOR_BACKEND {

/// How `threads` share an operand's rows x depth: each takes pieces of `vector` neighbours. Lines are the rows of an
/// operand along k, else the k of a stage; along k a thread keeps to its piece of the line and has a line every
/// `slots`. Across k it takes up to four pieces of one line, so that fewer cursors have to move.
template <class View, int rows, int depth, int vector, int threads>
struct Sharing {
  static constexpr int pieces = (View::along_k ? depth : rows) / vector, lines = View::along_k ? rows : depth;
  static constexpr int least_neighbours = vector == 4 ? 8 : 32;  // threads side by side: 128 bytes together
  static constexpr int choose_span() {
    int span = 1;
    while (!View::along_k && span < 4 && threads / (pieces / span) < lines && pieces / (2 * span) >= least_neighbours) {
      span *= 2;
    }
    return span;
  }
  static constexpr int span = choose_span(), across = pieces / span, slots = threads / across;
  static constexpr int turns = slots >= lines ? 1 : lines / slots;  // lines of a thread
  static constexpr bool all_threads = slots <= lines;
  static_assert(threads % across == 0 && (slots >= lines || lines % slots == 0));
};

/// `permuted` > 0: the rows of an operand along k are stored so that the four neighbours of a thread that reads rows
/// `permuted` apart are neighbours in the tile, and threads side by side still read side by side.
template <class View, int rows, int depth, int vector, int threads, int permuted>
class StageCopies {
  using Share = Sharing<View, rows, depth, vector, threads>;
  static constexpr int stride = Tiling::stride(View::along_k, rows, depth);
  static constexpr int row_states = View::along_k ? Share::turns : Share::span;
  static constexpr bool even = !View::along_k || permuted == 0 || Share::slots % (4 * permuted) == 0;
  static constexpr int step = View::along_k ? depth : depth / Share::turns;

 public:
  /// Copies rows from `first` on, of [0, extent), and k in [k_begin, k_end).
  __device__ StageCopies(const View& view, int first, int extent, int k_begin, int k_end, int thread) : view_(view) {
    const int piece = thread % Share::across * vector, line = thread / Share::across;
    active_ = Share::all_threads || line < Share::lines;
    const int k = k_begin + (View::along_k ? piece : line);
#pragma unroll
    for (int i = 0; i < row_states; ++i) {
      const int r = first + (View::along_k ? line + i * Share::slots : piece + i * Share::across * vector);
      rows_[i] = view.row(r < extent ? r : View::along_k ? extent - 1 : 0, r < extent);
    }
#pragma unroll
    for (int i = 0; i < places; ++i) places_[i] = stored(line + i * Share::slots) * stride + piece;
    cursor_ = view.cursor(k);
    k_left_ = k_end - k;
  }

  /// Starts the copies of the next stage. Beyond the operand's end it is filled with zeros.
  __device__ void start(SharedFloats stage) {
#pragma unroll
    for (int turn = 0; turn < (View::along_k ? 1 : Share::turns); ++turn) {
      const bool live = k_left_ > 0;
      const typename View::Cursor at = view_.limited(cursor_, live);
#pragma unroll
      for (int i = 0; i < row_states; ++i) {
        int offset = 0;
        const bool inside = view_.find(rows_[i], at, live, offset);
        if (Share::all_threads || active_) copy_async<vector>(stage + place(turn, i), view_.data + offset, inside);
      }
      view_.template advance<step>(cursor_);
      k_left_ -= step;
    }
  }

 private:
  static constexpr int places = View::along_k && !even ? row_states : 1;

  __device__ static constexpr int stored(int row) {
    if constexpr (View::along_k && permuted > 0) {
      return row / (4 * permuted) * (4 * permuted) + row % 4 * permuted + row / 4 % permuted;
    } else {
      return row;
    }
  }
  __device__ int place(int turn, int i) const {
    if constexpr (!View::along_k) {
      return places_[0] + turn * Share::slots * stride + i * Share::across * vector;
    } else {
      return even ? places_[0] + i * Share::slots * stride : places_[even ? 0 : i];
    }
  }

  const View& view_;
  typename View::Row rows_[row_states];
  typename View::Cursor cursor_;
  int k_left_, places_[places];
  bool active_;
};

}  // namespace kantor::KANTOR_BACKEND
