#include "kernels/backend.h"
#include "tests/sim/bugs.h"

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

__global__ void dynamic_past_end_kernel(float* y) {
  float* values = dynamic_shared<float>();
  values[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x + 1];
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
void dynamic_past_end(float* y, Stream stream) {
  launch<dynamic_past_end_kernel>({1, 32, 32 * sizeof(float), stream}, y);
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

}  // namespace kantor::sim::bugs
