#include "kernels/backend.h"
#include "tests/sim/bugs.h"

#include <stdexcept>

namespace kantor::sim::bugs {
namespace {

__global__ void half_skip_kernel() {
  if (threadIdx.x >= blockDim.x / 2) return;
  __syncthreads();
}

__global__ void two_barriers_kernel() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

template <bool barrier>
__global__ void neighbour_kernel(float* y, int size) {
  __shared__ float values[256];
  const int i = threadIdx.x;
  values[i] = float(i);
  if (barrier) __syncthreads();
  if (i < size) y[i] = values[(i + 1) % 256];
}

__global__ void read_past_end_kernel(const float* x, float* y, int size) {
  const int i = threadIdx.x;
  if (i < size) y[i] = x[i + 1];
}

__global__ void shared_past_end_kernel(float* y) {
  __shared__ float values[32];
  float* first = values;  // UBSan knows the bounds of arrays, not those behind a pointer
  first[threadIdx.x + 1] = 1;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x];
}

__global__ void shared_read_past_end_kernel(float* y) {
  __shared__ float values[32];
  const float* first = values;
  values[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = first[threadIdx.x + 1];
}

__global__ void dynamic_past_end_kernel(float* y) {
  float* values = dynamic_shared<float>();
  values[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x + 1];
}

__global__ void exception_leaves_kernel() {
  __syncthreads();
  if (blockIdx.x >= 2 && threadIdx.x == 40) throw std::runtime_error("no room for a table");
  __syncthreads();
}

__global__ void mask_omits_caller_kernel() {
  __shfl_xor_sync(0x0000ffffU, 1, 1);
}

__global__ void reads_absent_lane_kernel() {
  if (threadIdx.x < 16) __shfl_sync(0x0000ffffU, 1, 20);
}

__global__ void lane_missing_kernel() {
  if (threadIdx.x == 5) {
    __syncthreads();
  } else {
    __shfl_xor_sync(0xffffffffU, 1, 1);
  }
}

__global__ void wrong_index_kernel(const float* x, float* y, int size) {
  const int i = threadIdx.x;
  if (i < size) y[i] = x[(i + 1) % size];
}

__global__ void nothing_kernel() {}

__global__ void unwritten_shared_kernel(float* y) {
  __shared__ float values[32];
  if (threadIdx.x > 0) values[threadIdx.x] = 1;
  __syncthreads();
  if (threadIdx.x == 0) y[0] = values[0];
}

template <class T>
__global__ void unwritten_dynamic_kernel(T* y) {
  T* values = dynamic_shared<T>();
  if (threadIdx.x < 31) values[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x];
}

// Races. If `right`, the same kernel with what is missing otherwise.

template <bool right>
__global__ void warp_reduction_kernel(float* y) {
  float* values = dynamic_shared<float>();
  const int lane = threadIdx.x;
  values[lane] = float(lane);
  for (int distance = 16; distance > 0; distance /= 2) {
    if (right) __syncwarp();
    if (lane < distance) values[lane] += values[lane + distance];
  }
  if (lane == 0) *y = values[0];
}

template <bool right>
__global__ void half_warps_kernel(float* y) {
  __shared__ float values[32];
  const int lane = threadIdx.x;
  values[lane] = float(lane);
  __syncwarp(right ? 0xffffffffU : lane < 16 ? 0x0000ffffU : 0xffff0000U);
  y[lane] = values[31 - lane];
}

template <bool right>
__global__ void shuffle_is_no_barrier_kernel(float* y) {
  __shared__ float values[32];
  const int lane = threadIdx.x;
  values[lane] = float(lane);
  const float sum = __shfl_xor_sync(0xffffffffU, float(lane), 1);
  if (right) __syncwarp();
  y[lane] = sum + values[31 - lane];
}

template <bool right>
__global__ void tiles_kernel(const float* x, float* y) {
  __shared__ float values[64];
  const int i = threadIdx.x;
  float sum = 0;
  for (int first = 0; first < 256; first += 64) {
    values[i] = x[first + i];
    __syncthreads();
    sum += values[63 - i];
    if (right) __syncthreads();
  }
  y[i] = sum;
}

template <bool right>
__global__ void all_write_one_kernel(float* y) {
  if (!right || threadIdx.x == 0) *y = 1;
}

template <bool right>
__global__ void blocks_overlap_kernel(float* y) {
  y[right ? blockIdx.x * blockDim.x + threadIdx.x : threadIdx.x] = float(blockIdx.x);
}

template <bool right>
__global__ void reads_other_block_kernel(float* y) {
  y[blockIdx.x] = 1;
  const float other = y[right ? blockIdx.x : (blockIdx.x + 1) % gridDim.x];
  y[gridDim.x + blockIdx.x] = other;
}

/// Each block writes a part; the last one to count itself adds them. Of the steps that order this, one may be missing.
template <LastBlock missing>
__global__ void last_block_kernel(unsigned long long* arrived, float* parts, float* total) {
  __shared__ bool last;
  if (threadIdx.x == 33) parts[blockIdx.x] = float(blockIdx.x + 1);
  if (missing != LastBlock::barrier) __syncthreads();
  if (threadIdx.x == 0) {
    if (missing != LastBlock::fence_before) __threadfence();
    last = atomicAdd(arrived, 1ULL) == gridDim.x - 1;
    if (missing != LastBlock::fence_after) __threadfence();
  }
  __syncthreads();
  if (!last || threadIdx.x != 40) return;
  float sum = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) sum += parts[b];
  *total = sum;
}

template <bool right>
__global__ void plain_beside_atomic_kernel(int* count) {
  __shared__ int local;
  if (threadIdx.x == 0) local = 0;
  if (right) __syncthreads();
  atomicAdd(&local, 1);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(count, local);
}

template <bool right>
__global__ void reads_count_early_kernel(int* count, int* y) {
  __shared__ int local;
  if (threadIdx.x == 0) local = 0;
  __syncthreads();
  atomicAdd(&local, 1);
  if (right) __syncthreads();
  if (threadIdx.x == 40) y[blockIdx.x] = local;
  atomicAdd(count, 1);  // by all blocks, in any order
}

}  // namespace

void half_skip(Stream stream) {
  launch<half_skip_kernel>({2, 64, 0, stream});
}
void two_barriers(Stream stream) {
  launch<two_barriers_kernel>({1, 64, 0, stream});
}
void missing_barrier(float* y, int size, Stream stream) {
  launch<neighbour_kernel<false>>({1, 256, 0, stream}, y, size);
}
void with_barrier(float* y, int size, Stream stream) {
  launch<neighbour_kernel<true>>({1, 256, 0, stream}, y, size);
}
void read_past_end(const float* x, float* y, int size, Stream stream) {
  launch<read_past_end_kernel>({1, 64, 0, stream}, x, y, size);
}
void shared_past_end(float* y, Stream stream) {
  launch<shared_past_end_kernel>({1, 32, 0, stream}, y);
}
void shared_read_past_end(float* y, Stream stream) {
  launch<shared_read_past_end_kernel>({1, 32, 0, stream}, y);
}
void dynamic_past_end(float* y, Stream stream) {
  launch<dynamic_past_end_kernel>({1, 32, 32 * sizeof(float), stream}, y);
}
void exception_leaves(Stream stream) {
  launch<exception_leaves_kernel>({4, 64, 0, stream});
}
void mask_omits_caller(Stream stream) {
  launch<mask_omits_caller_kernel>({1, 32, 0, stream});
}
void reads_absent_lane(Stream stream) {
  launch<reads_absent_lane_kernel>({1, 32, 0, stream});
}
void lane_missing(Stream stream) {
  launch<lane_missing_kernel>({1, 32, 0, stream});
}
void wrong_index(const float* x, float* y, int size, Stream stream) {
  launch<wrong_index_kernel>({1, 64, 0, stream}, x, y, size);
}
void too_many_threads(Stream stream) {
  launch<nothing_kernel>({1, 1025, 0, stream});
}
void too_much_shared(Stream stream) {
  launch<nothing_kernel>({1, 32, 300 * 1024, stream});
}
void empty_grid(Stream stream) {
  launch<nothing_kernel>({0, 32, 0, stream});
}
void unwritten_shared(float* y, Stream stream) {
  launch<unwritten_shared_kernel>({1, 32, 0, stream}, y);
}
void unwritten_dynamic(float* y, Stream stream) {
  launch<unwritten_dynamic_kernel<float>>({2, 32, 32 * sizeof(float), stream}, y);
}
void warp_reduction(bool right, float* y, Stream stream) {
  right ? launch<warp_reduction_kernel<true>>({1, 32, 32 * sizeof(float), stream}, y)
        : launch<warp_reduction_kernel<false>>({1, 32, 32 * sizeof(float), stream}, y);
}
void half_warps(bool right, float* y, Stream stream) {
  right ? launch<half_warps_kernel<true>>({1, 32, 0, stream}, y)
        : launch<half_warps_kernel<false>>({1, 32, 0, stream}, y);
}
void shuffle_is_no_barrier(bool right, float* y, Stream stream) {
  right ? launch<shuffle_is_no_barrier_kernel<true>>({1, 32, 0, stream}, y)
        : launch<shuffle_is_no_barrier_kernel<false>>({1, 32, 0, stream}, y);
}
void tiles(bool right, const float* x, float* y, Stream stream) {
  right ? launch<tiles_kernel<true>>({1, 64, 0, stream}, x, y) : launch<tiles_kernel<false>>({1, 64, 0, stream}, x, y);
}
void all_write_one(bool right, float* y, Stream stream) {
  right ? launch<all_write_one_kernel<true>>({1, 64, 0, stream}, y)
        : launch<all_write_one_kernel<false>>({1, 64, 0, stream}, y);
}
void blocks_overlap(bool right, float* y, Stream stream) {
  right ? launch<blocks_overlap_kernel<true>>({4, 64, 0, stream}, y)
        : launch<blocks_overlap_kernel<false>>({4, 64, 0, stream}, y);
}
void reads_other_block(bool right, float* y, Stream stream) {
  right ? launch<reads_other_block_kernel<true>>({4, 1, 0, stream}, y)
        : launch<reads_other_block_kernel<false>>({4, 1, 0, stream}, y);
}
void last_block(LastBlock missing, unsigned long long* arrived, float* parts, float* total, Stream stream) {
  switch (missing) {
    case LastBlock::nothing:
      return launch<last_block_kernel<LastBlock::nothing>>({4, 64, 0, stream}, arrived, parts, total);
    case LastBlock::barrier:
      return launch<last_block_kernel<LastBlock::barrier>>({4, 64, 0, stream}, arrived, parts, total);
    case LastBlock::fence_before:
      return launch<last_block_kernel<LastBlock::fence_before>>({4, 64, 0, stream}, arrived, parts, total);
    case LastBlock::fence_after:
      return launch<last_block_kernel<LastBlock::fence_after>>({4, 64, 0, stream}, arrived, parts, total);
  }
}
void plain_beside_atomic(bool right, int* count, Stream stream) {
  right ? launch<plain_beside_atomic_kernel<true>>({2, 64, 0, stream}, count)
        : launch<plain_beside_atomic_kernel<false>>({2, 64, 0, stream}, count);
}
void reads_count_early(bool right, int* count, int* y, Stream stream) {
  right ? launch<reads_count_early_kernel<true>>({2, 64, 0, stream}, count, y)
        : launch<reads_count_early_kernel<false>>({2, 64, 0, stream}, count, y);
}

}  // namespace kantor::sim::bugs
