// Kernels whose traffic is known by hand: each line of their accesses is one pattern. A block has 32 threads where
// nothing else is said.
#pragma once

#include "kernels/launcher.h"

namespace kantor::sim::patterns {

/// y[i] = x[offset + i stride] by `threads` threads of one block.
void strided(const float* x, float* y, int threads, int stride, int offset, Stream stream);
/// y[i] = x[i] in packs of 16 bytes, and in pairs of 8.
void packed(const float* x, float* y, Stream stream);
/// y[i] = x[i] as structures of 24 bytes, which are aligned to 8.
void structures(const double* x, double* y, Stream stream);
/// In each of four turns every second lane reads x[32 turn + lane], the even ones first, then the odd ones.
void alternating(const float* x, float* y, Stream stream);
/// Lane i reads x[i], x[i + 32], ... i + 1 times.
void triangle(const float* x, float* y, Stream stream);
/// Even lanes read x[lane] in one branch, odd lanes in another, through one function that both call.
void two_branches(const float* x, float* y, Stream stream);

/// Each lane writes s[lane stride], and reads it: numbers of 4, 8 or 16 bytes, `stride` of them apart.
void shared_strided(int bytes, int stride, float* y, Stream stream);
/// All lanes read s[0].
void shared_broadcast(float* y, Stream stream);
/// Writes rows of a 32 x 32 tile whose rows begin `row` floats apart, and reads its columns, one of each a turn.
void transpose(int row, const float* x, float* y, Stream stream);
/// atomicAdd of each lane to s[lane mod different].
void shared_atomic(int different, int* y, Stream stream);
/// Asynchronous copies of 16 bytes a lane, of which the first `inside` lanes read; then 4 bytes a lane.
void copies(int inside, const float* x, float* y, Stream stream);
/// load_matrices of rows that begin `row` floats apart.
void matrices(int row, float* y, Stream stream);

}  // namespace kantor::sim::patterns
