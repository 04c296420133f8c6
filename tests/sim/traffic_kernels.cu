// The kernels of traffic_kernels.h. Each access stands in a line of its own, with its name behind it: the test finds
// the line by the name.
#include "kernels/backend.h"
#include "kernels/pack.h"
#include "kernels/ptx.h"
#include "tests/sim/traffic_kernels.h"

namespace kantor::sim {
namespace {

__global__ void strided_kernel(const float* x, float* y, int stride, int offset) {
  const float value = x[offset + int(threadIdx.x) * stride];  // read
  y[threadIdx.x] = value;                                     // write
}

__global__ void packed_kernel(const float* x, float* y) {
  const Pack<float> pack = load_pack(x + threadIdx.x * 4);                    // read of packs
  store_pack(y + threadIdx.x * 4, pack);                                      // write of packs
  const float2 pair = *reinterpret_cast<const float2*>(x + threadIdx.x * 2);  // read of pairs
  *reinterpret_cast<float2*>(y + threadIdx.x * 2) = pair;                     // write of pairs
}

struct Three {
  double a, b, c;
};
__global__ void structures_kernel(const Three* x, Three* y) {
  const Three three = x[threadIdx.x];  // read
  y[threadIdx.x] = three;              // write
}

__global__ void alternating_kernel(const float* x, float* y) {
  float sum = 0;
  for (int turn = 0; turn < 4; ++turn) {
    if ((threadIdx.x + turn) % 2 == 0) {
      sum += x[32 * turn + threadIdx.x];  // read
    }
  }
  y[threadIdx.x] = sum;
}

__global__ void triangle_kernel(const float* x, float* y) {
  float sum = 0;
  for (unsigned turn = 0; turn <= threadIdx.x; ++turn) {
    sum += x[32 * turn + threadIdx.x];  // read
  }
  y[threadIdx.x] = sum;
}

__attribute__((noinline)) __device__ float element(const float* x, unsigned at) {
  return x[at];  // read
}
__global__ void two_branches_kernel(const float* x, float* y) {
  float value = 0;
  if (threadIdx.x % 2 == 0) {
    value = element(x, threadIdx.x);
  } else {
    value = 1 + element(x, threadIdx.x);
  }
  y[threadIdx.x] = value;
}

template <class T>
__global__ void shared_strided_kernel(int stride, float* y) {
  T* s = dynamic_shared<T>();
  T value{};
  s[int(threadIdx.x) * stride] = value;  // write
  __syncwarp();
  value = s[int(threadIdx.x) * stride];  // read
  reinterpret_cast<T*>(y)[threadIdx.x] = value;
}

__global__ void shared_broadcast_kernel(float* y) {
  __shared__ float s[1];
  if (threadIdx.x == 0) s[0] = 1;
  __syncwarp();
  y[threadIdx.x] = s[0];  // read
}

__global__ void transpose_kernel(int row, const float* x, float* y) {
  float* tile = dynamic_shared<float>();
  for (int i = 0; i < 32; ++i) {
    tile[i * row + int(threadIdx.x)] = x[32 * i + threadIdx.x];  // write of rows
  }
  __syncwarp();
  for (int i = 0; i < 32; ++i) {
    y[32 * i + threadIdx.x] = tile[int(threadIdx.x) * row + i];  // read of columns
  }
}

__global__ void shared_atomic_kernel(int different, int* y) {
  __shared__ int s[32];
  s[threadIdx.x] = 0;
  __syncwarp();
  atomicAdd(&s[int(threadIdx.x) % different], 1);  // atomic
  __syncwarp();
  y[threadIdx.x] = s[threadIdx.x];
}

__global__ void copies_kernel(int inside, const float* x, float* y) {
  __shared__ __align__(16) float s[160];
  const SharedFloats to(s);
  const int lane = int(threadIdx.x);
  copy_async<4>(to + lane * 4, x + lane * 4, lane < inside);  // copy of four
  copy_async<1>(to + (128 + lane), x + lane, true);           // copy of one
  commit_copies();
  await_copies<0>();
  y[lane] = s[lane * 4] + s[128 + lane];
}

__global__ void matrices_kernel(int row, float* y) {
  float* s = dynamic_shared<float>();
  for (int i = int(threadIdx.x); i < 32 * row; i += 32) s[i] = 1;
  __syncwarp();
  float element[4];
  load_matrices(s + int(threadIdx.x) * row, element);  // read of rows
  y[threadIdx.x] = element[0];
}

}  // namespace

void patterns::strided(const float* x, float* y, int threads, int stride, int offset, Stream stream) {
  launch<strided_kernel>({1, unsigned(threads), 0, stream}, x, y, stride, offset);
}
void patterns::packed(const float* x, float* y, Stream stream) {
  launch<packed_kernel>({1, 32, 0, stream}, x, y);
}
void patterns::structures(const double* x, double* y, Stream stream) {
  launch<structures_kernel>({1, 32, 0, stream}, reinterpret_cast<const Three*>(x), reinterpret_cast<Three*>(y));
}
void patterns::alternating(const float* x, float* y, Stream stream) {
  launch<alternating_kernel>({1, 32, 0, stream}, x, y);
}
void patterns::triangle(const float* x, float* y, Stream stream) {
  launch<triangle_kernel>({1, 32, 0, stream}, x, y);
}
void patterns::two_branches(const float* x, float* y, Stream stream) {
  launch<two_branches_kernel>({1, 32, 0, stream}, x, y);
}
void patterns::shared_strided(int bytes, int stride, float* y, Stream stream) {
  const LaunchShape shape{1, 32, size_t(32 * stride * bytes), stream};
  if (bytes == 4) launch<shared_strided_kernel<float>>(shape, stride, y);
  if (bytes == 8) launch<shared_strided_kernel<float2>>(shape, stride, y);
  if (bytes == 16) launch<shared_strided_kernel<float4>>(shape, stride, y);
}
void patterns::shared_broadcast(float* y, Stream stream) {
  launch<shared_broadcast_kernel>({1, 32, 0, stream}, y);
}
void patterns::transpose(int row, const float* x, float* y, Stream stream) {
  launch<transpose_kernel>({1, 32, size_t(32 * row) * 4, stream}, row, x, y);
}
void patterns::shared_atomic(int different, int* y, Stream stream) {
  launch<shared_atomic_kernel>({1, 32, 0, stream}, different, y);
}
void patterns::copies(int inside, const float* x, float* y, Stream stream) {
  launch<copies_kernel>({1, 32, 0, stream}, inside, x, y);
}
void patterns::matrices(int row, float* y, Stream stream) {
  launch<matrices_kernel>({1, 32, size_t(32 * row) * 4, stream}, row, y);
}

}  // namespace kantor::sim
