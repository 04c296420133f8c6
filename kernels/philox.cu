// Random draws. Bytes: one write of each element: 64e6 floats in 85 us at 3 TB/s. A thread makes one block of four
// words, 20 wide multiplications, and writes four elements, together where they begin at a multiple of 16 bytes.
#include "kernels/backend.h"
#include "kernels/box_muller.h"
#include "kernels/pack.h"
#include "kernels/philox.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int block = 256;

struct Uniform {
  template <class T>
  __device__ void operator()(const PhiloxWords& words, T* values) const {
    for (int k = 0; k < 4; ++k) values[k] = T(uniform_of(words.v[k]));
  }
};

struct Normal {
  template <class T>
  __device__ void operator()(const PhiloxWords& words, T* values) const {
    for (int k = 0; k < 4; k += 2) {
      const uint32_t a = words.v[k], b = words.v[k + 1];
      const box_muller::Pair pair = sizeof(T) == 4 ? box_muller::in_float(a, b) : box_muller::in_double(a, b);
      values[k] = T(pair.first);
      values[k + 1] = T(pair.second);
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
__global__ void draw_kernel(F f, DrawKey key, T* y, int64_t size, bool packed) {
  const int64_t b = key.first / 4 + int64_t(blockIdx.x) * blockDim.x + threadIdx.x, begin = 4 * b - key.first;
  if (begin >= size) return;
  T values[4];
  f(philox(key.seed, uint64_t(b), key.stream, uint64_t(*key.step)), values);
  if (packed && begin + 4 <= size) return store_four(y + begin, values);
  for (int k = 0; k < 4; ++k) {
    if (begin + k >= 0 && begin + k < size) y[begin + k] = values[k];
  }
}

template <class F, class T>
void draw(F f, DrawKey key, T* y, int64_t size, Stream stream) {
  if (size == 0) return;
  launch<draw_kernel<F, T>>({blocks_for(key.first % 4 + size, 4 * block), block, 0, stream}, f, key, y, size,
                            key.first % 4 == 0 && aligned(y));
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
