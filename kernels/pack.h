// One access of 16 bytes. For kernel files, after kernels/backend.h.
#pragma once

#include <cstdint>

namespace kantor::KANTOR_BACKEND {

/// 16 bytes of T: the widest access of a thread.
template <class T>
struct alignas(16) Pack {
  static constexpr int width = 16 / sizeof(T);
  T v[width];
};

/// Whether a pack may begin here.
template <class T>
__host__ __device__ bool aligned(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % alignof(Pack<T>) == 0;
}

}  // namespace kantor::KANTOR_BACKEND
