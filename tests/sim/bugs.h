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
/// Reads one past the end of a shared array.
void shared_read_past_end(float* y, Stream stream);
/// Reads one past the end of its dynamic shared memory.
void dynamic_past_end(float* y, Stream stream);
/// Shuffles under a mask that omits half of the callers; reads a lane outside of the mask.
void mask_omits_caller(Stream stream);
void reads_absent_lane(Stream stream);
/// One lane of a warp does not reach the shuffle that the others wait in.
void lane_missing(Stream stream);
/// y[i] = x[i + 1]: inside the array, and wrong; only a reference finds it.
void wrong_index(const float* x, float* y, int size, Stream stream);
/// Launches that exceed the limits of the hardware.
void too_many_threads(Stream stream);
void too_much_shared(Stream stream);
void empty_grid(Stream stream);
/// An exception leaves thread 40 of blocks 2 and 3, after a barrier.
void exception_leaves(Stream stream);
/// y[0] = an element of a shared array that no thread wrote.
void unwritten_shared(float* y, Stream stream);
/// The same with dynamic shared memory, in a template: y [32].
void unwritten_dynamic(float* y, Stream stream);

// Races, some of which leave the result correct. If `right` is set, the same kernel without the race.

/// A sum over a warp in dynamic shared memory, without __syncwarp: y [1].
void warp_reduction(bool right, float* y, Stream stream);
/// Each half of a warp has a __syncwarp of its own, and reads what the other wrote: y [32].
void half_warps(bool right, float* y, Stream stream);
/// A shuffle stands where a __syncwarp should: y [32].
void shuffle_is_no_barrier(bool right, float* y, Stream stream);
/// The second barrier of a loop over tiles is missing: a tile is overwritten while others read it. x [256], y [64].
void tiles(bool right, const float* x, float* y, Stream stream);
/// All threads write the same number to one word: y [1].
void all_write_one(bool right, float* y, Stream stream);
/// Four blocks write the same 64 words: y [256].
void blocks_overlap(bool right, float* y, Stream stream);
/// Four blocks read what their neighbour wrote: y [8].
void reads_other_block(bool right, float* y, Stream stream);
/// The last block adds what all have written; what is left out of the order between them. arrived [1], parts [4], total
/// [1], zeros.
enum class LastBlock : uint8_t { nothing, barrier, fence_before, fence_after };
void last_block(LastBlock missing, unsigned long long* arrived, float* parts, float* total, Stream stream);
/// A plain write concurrent with atomics, and a plain read concurrent with them; count [1], y [2].
void plain_beside_atomic(bool right, int* count, Stream stream);
void reads_count_early(bool right, int* count, int* y, Stream stream);

}  // namespace kantor::sim::bugs
