// CUDA's per-thread functions that are not in C++: intrinsics of float and double, bits, cached loads. What C has under
// the same name (fmaf, expf, ...) comes from <math.h>. The fast intrinsics (__expf, ...) are the exact functions here:
// their last bits are the hardware's, so tests compare them with a tolerance.
#pragma once

#include "kernels/sim/runtime.h"

#include <bit>
#include <cassert>
#include <cstdio>
#include <math.h>
#include <stdlib.h>
#include <type_traits>

namespace kantor::sim {

template <class T, class U>
constexpr auto min(T a, U b) {
  using Common = std::common_type_t<T, U>;
  return static_cast<Common>(b) < static_cast<Common>(a) ? static_cast<Common>(b) : static_cast<Common>(a);
}
template <class T, class U>
constexpr auto max(T a, U b) {
  using Common = std::common_type_t<T, U>;
  return static_cast<Common>(a) < static_cast<Common>(b) ? static_cast<Common>(b) : static_cast<Common>(a);
}

// clang-format off
inline float rsqrtf(float x) { return 1.0F / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return 1.0F / sqrtf(x); }
inline float fdividef(float x, float y) { return x / y; }
inline void sincospif(float x, float* sine, float* cosine) {
  // Reduced before it is multiplied by pi, so that large x keep their digits.
  const double angle = (x - 2.0 * nearbyint(0.5 * x)) * 3.14159265358979323846;
  *sine = static_cast<float>(sin(angle));
  *cosine = static_cast<float>(cos(angle));
}
inline float sinpif(float x) { float s, c; sincospif(x, &s, &c); return s; }
inline float cospif(float x) { float s, c; sincospif(x, &s, &c); return c; }

inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return static_cast<float>(pow(10.0, x)); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline void __sincosf(float x, float* sine, float* cosine) { *sine = sinf(x); *cosine = cosf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1.0F) : 0.0F; }

// Rounded to nearest, never contracted: compilers make a product and a sum one operation where they see both.
template <class T>
inline T rounded(T x) {
#if defined(__x86_64__)
  asm("" : "+x"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#endif
  return x;
}
inline float __fadd_rn(float a, float b) { return rounded(a) + rounded(b); }
inline float __fsub_rn(float a, float b) { return rounded(a) - rounded(b); }
inline float __fmul_rn(float a, float b) { return rounded(a * b); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0F / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return static_cast<float>(1.0 / sqrt(static_cast<double>(x))); }
inline double __dadd_rn(double a, double b) { return rounded(a) + rounded(b); }
inline double __dmul_rn(double a, double b) { return rounded(a * b); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

inline int __float2int_rn(float x) { return static_cast<int>(nearbyintf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline int __float2int_rd(float x) { return static_cast<int>(floorf(x)); }
inline int __float2int_ru(float x) { return static_cast<int>(ceilf(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline double __uint2double_rn(unsigned x) { return static_cast<double>(x); }

inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((1ULL * a * b) >> 32); }
inline int __mulhi(int a, int b) { return static_cast<int>((1LL * a * b) >> 32); }
__extension__ using uint128 = unsigned __int128;
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<uint128>(a) * b) >> 64);
}
inline unsigned __brev(unsigned x) {
  unsigned reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= (x >> bit & 1) << (31 - bit);
  return reversed;
}
// clang-format on

// Hints to caches.
template <class T>
__forceinline__ T __ldg(const T* p) {
  return *p;
}
template <class T>
__forceinline__ T __ldcs(const T* p) {
  return *p;
}
template <class T>
__forceinline__ T __ldcg(const T* p) {
  return *p;
}
template <class T>
__forceinline__ void __stcs(T* p, std::type_identity_t<T> value) {
  *p = value;
}
template <class T>
__forceinline__ void __stcg(T* p, std::type_identity_t<T> value) {
  *p = value;
}

[[noreturn]] inline void __trap(Site site = Site::here()) {
  fail("__trap() at %s:%d", site.file, site.line);
}

}  // namespace kantor::sim
