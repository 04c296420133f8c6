// 16 bytes of numbers: the widest access of one thread. For kernel files.
#pragma once

#include "kernels/backend.h"

#include <cstdint>

namespace kantor::KANTOR_BACKEND {

template <class T>
struct alignas(16) Pack {
  static constexpr int width = 16 / sizeof(T);
  T v[width];
};

/// Whether packs can begin at p.
template <class T>
bool aligned(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % 16 == 0;
}

/// Pack<T>::width neighbours from or to an address that is a multiple of 16 bytes.
template <class T>
__device__ Pack<T> load_pack(const T* p) {
  return *reinterpret_cast<const Pack<T>*>(p);
}
template <class T>
__device__ void store_pack(T* p, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(p) = pack;
}

/// Loads or stores four neighbours at an address that is a multiple of 16 bytes.
template <class T>
__device__ void load_four(const T* p, T (&out)[4]) {
  for (int i = 0; i < 4; i += Pack<T>::width) {
    const Pack<T> pack = load_pack(p + i);
    for (int j = 0; j < Pack<T>::width; ++j) out[i + j] = pack.v[j];
  }
}
template <class T>
__device__ void store_four(T* p, const T (&values)[4]) {
  for (int i = 0; i < 4; i += Pack<T>::width) {
    Pack<T> pack;
    for (int j = 0; j < Pack<T>::width; ++j) pack.v[j] = values[i + j];
    store_pack(p + i, pack);
  }
}

}  // namespace kantor::KANTOR_BACKEND
