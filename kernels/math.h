// exp, log, tanh, sigmoid and softplus of one element. On a GPU they are CUDA's. On the host the float32 versions are
// within 4 ULP over all of float32, subnormals, infinities and NaN included (Eigen's stop at |x| = 88.37, flush
// subnormals, and reach 5 ULP in tanh), and have no branch and no call, so that loops over them become vector code; the
// float64 versions are the standard library's.
#pragma once

#include "kernels/compile.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace kantor {
namespace host_math {

/// x = n ln 2 + r with |r| <= ln 2 / 2: n twice, as a float and as bits, and exp(r) - 1.
struct ReducedExponent {
  float n;
  uint32_t bits;
  float r_expm1;
};

inline ReducedExponent reduce_exponent(float x) {
  constexpr float rounder = 0x1.8p23F;  // adding it leaves the nearest integer in the low bits, also for NaN
  constexpr float ln2_high = 0x1.62ep-1F, ln2_low = 0x1.0bfbe8p-15F;  // n ln2_high is exact
  const float shifted = x * 0x1.715476p0F + rounder;
  const float n = shifted - rounder;
  const float r = (x - n * ln2_high) - n * ln2_low;
  // Taylor to r^7: the rest is below 6e-9 of the sum, a tenth of a rounding.
  float p = 1.F / 5040;
  p = p * r + 1.F / 720;
  p = p * r + 1.F / 120;
  p = p * r + 1.F / 24;
  p = p * r + 1.F / 6;
  p = p * r + 0.5F;
  return {n, std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(rounder), p * r * r + r};
}

/// 2^n from the bits of an integer n in [-126, 127].
inline float power_of_two(uint32_t n) {
  return std::bit_cast<float>((n + 127U) << 23U);
}

inline float exponential(float x) {
  x = x > 89.F ? 89.F : x;  // infinite from 88.73 on; comparisons let NaN through
  x = x < -104.F ? -104.F : x;
  const ReducedExponent e = reduce_exponent(x);
  const uint32_t half = static_cast<uint32_t>(static_cast<int32_t>(e.bits) >> 1);  // 2^n alone may leave the range
  return (e.r_expm1 + 1.F) * power_of_two(half) * power_of_two(e.bits - half);
}

/// exp(x) - 1 for x <= 0.
inline float expm1_of_negative(float x) {
  x = x < -80.F ? -80.F : x;
  const ReducedExponent e = reduce_exponent(x);
  const float scale = power_of_two(e.bits);
  return scale * e.r_expm1 + (scale - 1.F);
}

/// log(1 + f) for f in [sqrt(1/2) - 1, sqrt(2) - 1]: 2 atanh(s), s = f / (2 + f), with f itself split off.
inline float log_near_one(float f) {
  const float s = f / (2.F + f), z = s * s;
  const float tail = z * (2.F / 3 + z * (2.F / 5 + z * (2.F / 7 + z * (2.F / 9))));
  const float half_square = 0.5F * f * f;
  return f - (half_square - s * (half_square + tail));
}

inline float logarithm(float x) {
  const bool subnormal = x < 0x1p-126F;
  const float scaled = subnormal ? x * 0x1p24F : x;
  // The exponent counts from sqrt(1/2), so that the mantissa lies in [sqrt(1/2), sqrt(2)).
  constexpr uint32_t root = 0x3f3504f3;
  const uint32_t bits = std::bit_cast<uint32_t>(scaled) - root;
  const float exponent = static_cast<float>(static_cast<int32_t>(bits) >> 23) - (subnormal ? 24.F : 0.F);
  const float mantissa = std::bit_cast<float>((bits & 0x7fffffU) + root);
  const float y = exponent * 0x1.62ep-1F + (exponent * 0x1.0bfbe8p-15F + log_near_one(mantissa - 1.F));
  const float infinity = std::bit_cast<float>(0x7f800000U);
  const float special = x == 0.F ? -infinity : x == infinity ? infinity : infinity - infinity;
  return x > 0.F && x < infinity ? y : special;
}

inline float hyperbolic_tangent(float x) {
  const float a = x < 0.F ? -x : x;
  const float e = expm1_of_negative(-2.F * a), y = -e / (2.F + e);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(y) | (std::bit_cast<uint32_t>(x) & 0x80000000U));
}

/// log(1 + t) for t in [0, 1].
inline float log1p_of_unit(float t) {
  const bool halve = t > 0.41421356F;
  const float y = log_near_one(halve ? 0.5F * (t - 1.F) : t);
  return halve ? y + 0x1.62e43p-1F : y;
}

}  // namespace host_math

#ifdef __CUDA_ARCH__
#define KANTOR_HOST_OR_DEVICE(host, device) device
#else
#define KANTOR_HOST_OR_DEVICE(host, device) host
#endif

KANTOR_FUNCTION inline float exp_of(float x) {
  return KANTOR_HOST_OR_DEVICE(host_math::exponential(x), ::expf(x));
}
KANTOR_FUNCTION inline double exp_of(double x) {
  return ::exp(x);
}
/// exp(x) - 1 for x <= 0.
KANTOR_FUNCTION inline float expm1_of_negative(float x) {
  return KANTOR_HOST_OR_DEVICE(host_math::expm1_of_negative(x), ::expm1f(x));
}
KANTOR_FUNCTION inline double expm1_of_negative(double x) {
  return ::expm1(x);
}
KANTOR_FUNCTION inline float log_of(float x) {
  return KANTOR_HOST_OR_DEVICE(host_math::logarithm(x), ::logf(x));
}
KANTOR_FUNCTION inline double log_of(double x) {
  return ::log(x);
}
KANTOR_FUNCTION inline float tanh_of(float x) {
  return KANTOR_HOST_OR_DEVICE(host_math::hyperbolic_tangent(x), ::tanhf(x));
}
KANTOR_FUNCTION inline double tanh_of(double x) {
  return ::tanh(x);
}
/// log(1 + t) for t in [0, 1].
KANTOR_FUNCTION inline float log1p_of_unit(float t) {
  return KANTOR_HOST_OR_DEVICE(host_math::log1p_of_unit(t), log1pf(t));
}
KANTOR_FUNCTION inline double log1p_of_unit(double t) {
  return log1p(t);
}
#undef KANTOR_HOST_OR_DEVICE

template <class T>
KANTOR_FUNCTION T sigmoid_of(T x) {
  const T e = exp_of(x < 0 ? x : -x);  // exp(-|x|) never overflows
  return (x < 0 ? e : T(1)) / (T(1) + e);
}
/// max(x, 0) + log(1 + exp(-|x|)).
template <class T>
KANTOR_FUNCTION T softplus_of(T x) {
  return (x < 0 ? T(0) : x) + log1p_of_unit(exp_of(x < 0 ? x : -x));
}

}  // namespace kantor
