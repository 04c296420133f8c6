// Threads of the host: how many the program's work may use, and the pool that runs pieces of work on them. The engine's
// CPU ops and the simulator's blocks share both.
#pragma once

#include <cstdint>

namespace kantor::host {

/// Number of threads that work may use, the caller included. It starts as OMP_NUM_THREADS if that is set, at most the
/// processors that this process may use. Results do not depend on it.
int threads();
/// `count` is at least 1.
void set_threads(int count);

/// `call(work, piece)` for each piece in [0, pieces) on the caller and on threads of the pool, in any order; returns
/// when all have ended. It is serial within a piece and during another thread's job. The exception of the lowest piece
/// that throws is rethrown; pieces above it may not have run. Waiting is bounded: threads that have nothing to do spin
/// for some microseconds, then sleep.
void for_each_piece(int64_t pieces, void (*call)(const void* work, int64_t piece), const void* work);

/// The same for a callable.
template <class F>
void for_each_piece(int64_t pieces, const F& fn) {
  for_each_piece(
      pieces, [](const void* work, int64_t piece) { (*static_cast<const F*>(work))(piece); }, &fn);
}

}  // namespace kantor::host
