// Parallel work on the CPU. Work is cut by shape alone, never by the number of threads: a piece does the same
// arithmetic on any thread, and partial results combine in piece order. So the bits do not depend on the threads.
#pragma once

#include "kernels/host/threads.h"

#include <algorithm>
#include <cstdint>

namespace kantor::cpu {

/// Calls fn(piece) for each piece in [0, pieces), on the program's threads. `work` is the total in elementary
/// operations: below a threshold it runs on the caller. The exception of the lowest piece that throws is rethrown.
template <class F>
void for_pieces(int64_t pieces, double work, const F& fn) {
  constexpr double worth_waking = 20000;
  if (work < worth_waking) {
    for (int64_t p = 0; p < pieces; ++p) fn(p);
    return;
  }
  host::for_each_piece(pieces, fn);
}

inline constexpr int64_t piece_elements = 16384;  // 64 KiB of float32: half an L2's way, a multiple of 64

/// Cuts [0, size) into ranges of `piece` elements (a multiple of 64) and calls fn(begin, end) for each.
/// `cost` is the work of one element against a multiplication.
template <class F>
void for_ranges(int64_t size, double cost, const F& fn, int64_t piece = piece_elements) {
  const int64_t pieces = (size + piece - 1) / piece;
  for_pieces(pieces, static_cast<double>(size) * cost,
             [&](int64_t p) { fn(p * piece, std::min(size, (p + 1) * piece)); });
}

}  // namespace kantor::cpu
