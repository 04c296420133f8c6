// Random draws. Bytes: one write of each element. A thread makes one block of four words, and writes four elements.
#include "kernels/backend.h"
#include "kernels/philox.h"

#include <math.h>

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int block = 256;

struct Uniform {
  template <class T>
  __device__ void operator()(const PhiloxWords& words, T* values) const {
    for (int k = 0; k < 4; ++k) values[k] = T(float(words.v[k] >> 8) * 0x1p-24f);
  }
};

struct Normal {
  template <class T>
  __device__ void operator()(const PhiloxWords& words, T* values) const {
    for (int k = 0; k < 4; k += 2) {
      const double radius = sqrt(-2 * log(1.0 - double(words.v[k] >> 8) * 0x1p-24));
      const double angle = 6.283185307179586 * (double(words.v[k + 1] >> 8) * 0x1p-24);
      values[k] = T(radius * cos(angle));
      values[k + 1] = T(radius * sin(angle));
    }
  }
};

struct Below {
  uint64_t n;
  __device__ void operator()(const PhiloxWords& words, int64_t* values) const {
    for (int k = 0; k < 4; ++k) values[k] = int64_t(words.v[k] * n >> 32);
  }
};

template <class F, class T>
__global__ void draw_kernel(F f, DrawKey key, T* y, int64_t size) {
  const int64_t b = key.first / 4 + int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t begin = 4 * b - key.first;  // below 0 by up to 3 in the first thread
  if (begin >= size) return;
  T values[4];
  f(philox(key.seed, uint64_t(b), key.stream, uint64_t(*key.step)), values);
  for (int k = 0; k < 4; ++k) {
    if (begin + k >= 0 && begin + k < size) y[begin + k] = values[k];
  }
}

template <class F, class T>
void draw(F f, DrawKey key, T* y, int64_t size, Stream stream) {
  if (size == 0) return;
  launch<draw_kernel<F, T>>({blocks_for(size + key.first % 4, 4 * block), block, 0, stream}, f, key, y, size);
}

}  // namespace

template <class T>
void draw_uniform(DrawKey key, T* y, int64_t size, Stream stream) {
  draw(Uniform{}, key, y, size, stream);
}
template <class T>
void draw_normal(DrawKey key, T* y, int64_t size, Stream stream) {
  draw(Normal{}, key, y, size, stream);
}
void draw_below(DrawKey key, uint64_t n, int64_t* y, int64_t size, Stream stream) {
  draw(Below{n}, key, y, size, stream);
}

template void draw_uniform(DrawKey, float*, int64_t, Stream);
template void draw_uniform(DrawKey, double*, int64_t, Stream);
template void draw_normal(DrawKey, float*, int64_t, Stream);
template void draw_normal(DrawKey, double*, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
