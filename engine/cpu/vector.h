// The widest vector of the instruction set that is compiled for, as the compiler's own type.
#pragma once

#include <cstdint>
#include <cstring>

namespace kantor::cpu {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif
template <class T>
inline constexpr int64_t lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type __attribute__((vector_size(vector_bytes))) = float;
};
template <>
struct VectorOf<double> {
  using Type __attribute__((vector_size(vector_bytes))) = double;
};
template <>
struct VectorOf<int64_t> {
  using Type __attribute__((vector_size(vector_bytes))) = int64_t;
};
template <class T>
using Vector = typename VectorOf<T>::Type;

template <class T>
Vector<T> load(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void store(T* p, Vector<T> v) {
  std::memcpy(p, &v, sizeof v);
}

}  // namespace kantor::cpu
