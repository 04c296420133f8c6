// Atomic operations under CUDA's names, relaxed as on the device. For integers only: sums of floats in the order of
// arrival would differ from run to run, and two runs must give the same bits. Inlined always, so that the race checker
// reports the kernel's line.
#pragma once

#include "kernels/sim/words.h"

#include <concepts>
#include <type_traits>

namespace kantor::sim {

/// Atomically sets *target = change(*target) and returns the old value.
template <std::integral T, class Change>
__forceinline__ T change_atomically(T* target, const Change& change) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "atomics are of 4 or 8 bytes");
  T seen = __atomic_load_n(target, __ATOMIC_RELAXED);
  T next = change(seen);
  while (!__atomic_compare_exchange_n(target, &seen, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    next = change(seen);
  }
  return seen;
}

template <std::integral T>
__forceinline__ T atomicAdd(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return static_cast<T>(old + value); });
}
template <std::integral T>
__forceinline__ T atomicSub(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return static_cast<T>(old - value); });
}
template <std::integral T>
__forceinline__ T atomicMin(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return value < old ? value : old; });
}
template <std::integral T>
__forceinline__ T atomicMax(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return old < value ? value : old; });
}
template <std::integral T>
__forceinline__ T atomicAnd(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return old & value; });
}
template <std::integral T>
__forceinline__ T atomicOr(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return old | value; });
}
template <std::integral T>
__forceinline__ T atomicXor(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return old ^ value; });
}
template <std::integral T>
__forceinline__ T atomicExch(T* target, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T) { return value; });
}
template <std::integral T>
__forceinline__ T atomicCAS(T* target, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return change_atomically(target, [=](T old) { return old == expected ? value : old; });
}
/// Counts up to `last`, then starts at 0 again.
__forceinline__ unsigned atomicInc(unsigned* target, unsigned last) {
  return change_atomically(target, [=](unsigned old) { return old >= last ? 0U : old + 1; });
}

}  // namespace kantor::sim
