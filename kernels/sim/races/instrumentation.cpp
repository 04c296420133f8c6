// What the compiler calls, under -fsanitize=thread, before each load and store and in place of each atomic.
// ThreadSanitizer itself knows neither fibers nor CUDA's barriers, so its runtime is not linked: these take its place.
// The names and types are those of compiler-rt's tsan_interface.h. -fsanitize-coverage=trace-pc calls the last one.
#include "kernels/sim/races/checker.h"
#include "kernels/sim/traffic.h"
#include "kernels/sim/traffic/counter.h"

#include <cstring>

namespace traffic = kantor::sim::traffic;
using kantor::sim::races::access;
using kantor::sim::races::Kind;
using kantor::sim::races::watching;

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void* call) {
  if (traffic::counting && watching()) traffic::enter(call);
}
void __tsan_func_exit() {
  if (traffic::counting && watching()) traffic::leave();
}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}

#define KANTOR_PLAIN(name, bytes)                               \
  void __tsan_##name##read##bytes(void* p) {                    \
    access(p, bytes, Kind::read, __builtin_return_address(0));  \
  }                                                             \
  void __tsan_##name##write##bytes(void* p) {                   \
    access(p, bytes, Kind::write, __builtin_return_address(0)); \
  }
KANTOR_PLAIN(, 1)
KANTOR_PLAIN(, 2)
KANTOR_PLAIN(, 4)
KANTOR_PLAIN(, 8)
KANTOR_PLAIN(, 16)
KANTOR_PLAIN(unaligned_, 2)
KANTOR_PLAIN(unaligned_, 4)
KANTOR_PLAIN(unaligned_, 8)
KANTOR_PLAIN(unaligned_, 16)

void __tsan_read_range(void* p, unsigned long bytes) {
  access(p, bytes, Kind::read, __builtin_return_address(0));
}
void __tsan_write_range(void* p, unsigned long bytes) {
  access(p, bytes, Kind::write, __builtin_return_address(0));
}

// clang calls these in place of the C library's; g++ calls the library, which the checker does not see.
void* __tsan_memcpy(void* to, const void* from, unsigned long bytes) {
  access(from, bytes, Kind::read, __builtin_return_address(0));
  access(to, bytes, Kind::write, __builtin_return_address(0));
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, unsigned long bytes) {
  access(from, bytes, Kind::read, __builtin_return_address(0));
  access(to, bytes, Kind::write, __builtin_return_address(0));
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, unsigned long bytes) {
  access(to, bytes, Kind::write, __builtin_return_address(0));
  return std::memset(to, value, bytes);
}

// The requested memory order is ignored: one host thread runs kernels, and the host's own atomics get the strongest.
#define KANTOR_ATOMIC(bits, T)                                                                   \
  T __tsan_atomic##bits##_load(const volatile T* p, int) {                                       \
    const traffic::Unseen unseen; /* the exchange that follows is counted */                     \
    access(p, sizeof(T), Kind::atomic, __builtin_return_address(0));                             \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                              \
  void __tsan_atomic##bits##_store(volatile T* p, T value, int) {                                \
    access(p, sizeof(T), Kind::atomic, __builtin_return_address(0));                             \
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);                                                \
  }                                                                                              \
  T __tsan_atomic##bits##_exchange(volatile T* p, T value, int) {                                \
    access(p, sizeof(T), Kind::atomic, __builtin_return_address(0));                             \
    return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);                                      \
  }                                                                                              \
  KANTOR_FETCH(bits, T, add)                                                                     \
  KANTOR_FETCH(bits, T, sub)                                                                     \
  KANTOR_FETCH(bits, T, and)                                                                     \
  KANTOR_FETCH(bits, T, or)                                                                      \
  KANTOR_FETCH(bits, T, xor)                                                                     \
  KANTOR_FETCH(bits, T, nand)                                                                    \
  KANTOR_EXCHANGE(bits, T, strong)                                                               \
  KANTOR_EXCHANGE(bits, T, weak)                                                                 \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T expected, T value, int, int) {   \
    access(p, sizeof(T), Kind::atomic, __builtin_return_address(0));                             \
    __atomic_compare_exchange_n(p, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    return expected;                                                                             \
  }
#define KANTOR_FETCH(bits, T, change)                                   \
  T __tsan_atomic##bits##_fetch_##change(volatile T* p, T value, int) { \
    access(p, sizeof(T), Kind::atomic, __builtin_return_address(0));    \
    return __atomic_fetch_##change(p, value, __ATOMIC_SEQ_CST);         \
  }
#define KANTOR_EXCHANGE(bits, T, how)                                                                          \
  int __tsan_atomic##bits##_compare_exchange_##how(volatile T* p, T* expected, T value, int, int) {            \
    access(p, sizeof(T), Kind::atomic, __builtin_return_address(0));                                           \
    return __atomic_compare_exchange_n(p, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ? 1 : 0; \
  }
KANTOR_ATOMIC(8, uint8_t)
KANTOR_ATOMIC(16, uint16_t)
KANTOR_ATOMIC(32, uint32_t)
KANTOR_ATOMIC(64, uint64_t)

void __tsan_atomic_thread_fence(int) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {}

void __sanitizer_cov_trace_pc() {
  if (traffic::counting && watching()) traffic::pass(__builtin_return_address(0));
}

}  // extern "C"
