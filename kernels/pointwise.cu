// Pointwise kernels.
//
// Bytes: one read of each operand, one write; FLOPs are never the limit, except for transcendental functions on small
// GPUs. So all there is to win is the width of an access: 16 bytes a thread, a grid that covers the array once.
// Broadcasts compute their index, one division an axis, which hides behind the loads; operands of the output's own
// shape and single numbers are indexed directly.
#include "kernels/backend.h"
#include "kernels/pack.h"
#include "kernels/pointwise.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int block = 256;

__device__ int64_t thread_index() {
  return int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <class F, class T>
__global__ void unary_kernel(F f, const T* x, T* y, int64_t size) {
  const int64_t i = thread_index();
  if (i < size) y[i] = f(x[i]);
}

template <class F, class T>
__global__ void unary_packed_kernel(F f, const T* x, T* y, int64_t size) {
  constexpr int width = Pack<T>::width;
  const int64_t first = thread_index() * width;
  if (first + width <= size) {
    Pack<T> pack = load_pack(x + first);
    for (int k = 0; k < width; ++k) pack.v[k] = f(pack.v[k]);
    store_pack(y + first, pack);
  } else {
    for (int64_t i = first; i < size; ++i) y[i] = f(x[i]);
  }
}

/// If b_step is 0, b is a single number.
template <class F, class T>
__global__ void binary_packed_kernel(F f, const T* a, const T* b, int64_t b_step, T* y, int64_t size) {
  constexpr int width = Pack<T>::width;
  const int64_t first = thread_index() * width;
  if (first + width <= size) {
    Pack<T> pack = load_pack(a + first), other;
    if (b_step == 0) {
      for (int k = 0; k < width; ++k) other.v[k] = *b;
    } else {
      other = load_pack(b + first);
    }
    for (int k = 0; k < width; ++k) pack.v[k] = f(pack.v[k], other.v[k]);
    store_pack(y + first, pack);
  } else {
    for (int64_t i = first; i < size; ++i) y[i] = f(a[i], b[i * b_step]);
  }
}

template <class F, class T>
__global__ void binary_broadcast_kernel(F f, const T* a, const T* b, T* y, BroadcastShape shape, int64_t size) {
  const int64_t i = thread_index();
  if (i >= size) return;
  int64_t rest = i, ia = 0, ib = 0;
  for (int axis = shape.rank - 1; axis >= 0; --axis) {
    const int64_t index = rest % shape.extents[axis];
    rest /= shape.extents[axis];
    ia += index * shape.a_strides[axis];
    ib += index * shape.b_strides[axis];
  }
  y[i] = f(a[ia], b[ib]);
}

template <class T>
__global__ void blend_kernel(const T* x, T* y, T decay, T weight, int64_t size) {
  const int64_t i = thread_index();
  if (i < size) y[i] = decay * y[i] + weight * x[i];
}

template <class T>
__global__ void fill_kernel(T* y, T value, int64_t size) {
  const int64_t i = thread_index();
  if (i < size) y[i] = value;
}

__global__ void increment_kernel(int64_t* counter) {
  ++*counter;
}

}  // namespace

template <class F, class T>
void unary(F f, const T* x, T* y, int64_t size, Stream stream) {
  if (size == 0) return;
  if (aligned(x) && aligned(y)) {
    launch<unary_packed_kernel<F, T>>({blocks_for(size, block * Pack<T>::width), block, 0, stream}, f, x, y, size);
  } else {
    launch<unary_kernel<F, T>>({blocks_for(size, block), block, 0, stream}, f, x, y, size);
  }
}

template <class F, class T>
void binary(F f, const T* a, const T* b, T* y, const BroadcastShape& shape, int64_t size, Stream stream) {
  if (size == 0) return;
  const bool straight = shape.rank <= 1 && (size == 1 || shape.a_strides[0] == 1);
  if (straight && aligned(a) && aligned(y) && (shape.b_strides[0] == 0 || aligned(b))) {
    launch<binary_packed_kernel<F, T>>({blocks_for(size, block * Pack<T>::width), block, 0, stream}, f, a, b,
                                       shape.b_strides[0], y, size);
  } else {
    launch<binary_broadcast_kernel<F, T>>({blocks_for(size, block), block, 0, stream}, f, a, b, y, shape, size);
  }
}

template <class T>
void blend(const T* x, T* y, double decay, double weight, int64_t size, Stream stream) {
  if (size == 0) return;
  launch<blend_kernel<T>>({blocks_for(size, block), block, 0, stream}, x, y, T(decay), T(weight), size);
}

template <class T>
void fill(T* y, T value, int64_t size, Stream stream) {
  if (size == 0) return;
  launch<fill_kernel<T>>({blocks_for(size, block), block, 0, stream}, y, value, size);
}

void increment(int64_t* counter, Stream stream) {
  launch<increment_kernel>({1, 1, 0, stream}, counter);
}

#define KANTOR_UNARY(F)                                                    \
  template void unary(function::F, const float*, float*, int64_t, Stream); \
  template void unary(function::F, const double*, double*, int64_t, Stream);
#define KANTOR_BINARY(F)                                                                                         \
  template void binary(function::F, const float*, const float*, float*, const BroadcastShape&, int64_t, Stream); \
  template void binary(function::F, const double*, const double*, double*, const BroadcastShape&, int64_t, Stream);

KANTOR_UNARY_FUNCTIONS(KANTOR_UNARY)
KANTOR_BINARY_FUNCTIONS(KANTOR_BINARY)
template void blend(const float*, float*, double, double, int64_t, Stream);
template void blend(const double*, double*, double, double, int64_t, Stream);
template void fill(float*, float, int64_t, Stream);
template void fill(double*, double, int64_t, Stream);
template void fill(int64_t*, int64_t, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
