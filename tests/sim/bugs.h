// Kernels with one planted bug each: what the simulator must find.
#pragma once

#include "kernels/launcher.h"

namespace kantor::sim::bugs {

/// Half of the block returns before the barrier.
void half_skip(Stream stream);
/// Two halves wait at different barriers.
void two_barriers(Stream stream);
/// Thread i reads what thread i + 1 wrote, without a barrier between: y [size] depends on the order of threads.
void missing_barrier(float* y, int size, Stream stream);
/// The same with its barrier.
void with_barrier(float* y, int size, Stream stream);
/// Reads x[size], one past its end.
void read_past_end(const float* x, float* y, int size, Stream stream);
/// Writes one past the end of a shared array.
void shared_past_end(float* y, Stream stream);
/// Reads one past the end of its dynamic shared memory.
void dynamic_past_end(float* y, Stream stream);
/// Shuffles under a mask that omits half of the callers; reads a lane outside of the mask.
void mask_omits_caller(Stream stream);
void reads_absent_lane(Stream stream);
/// One lane of a warp does not come to the shuffle that the others wait in.
void lane_missing(Stream stream);
/// y[i] = x[i + 1]: inside the array, and wrong; only a reference finds it.
void wrong_index(const float* x, float* y, int size, Stream stream);
/// Launches of more than the hardware has.
void too_many_threads(Stream stream);
void too_much_shared(Stream stream);
void empty_grid(Stream stream);
/// y[0] = what a shared array holds that nobody wrote.
void unwritten_shared(float* y, Stream stream);

}  // namespace kantor::sim::bugs
