// Two standard normals of two random words (Box and Muller 1958): radius sqrt(-2 log(1 - u)), angle 2 pi v, with u and
// v of 24 bits. For kernel files.
//
// The formula in double, with the library's log, sqrt, cos and sin, is about 110 double-precision operations a pair,
// which take longer than writing the numbers. A float holds 24 bits of the 53: so in_float takes shorter series, about
// 45 operations, with errors below 2^-42, and asks the formula itself in the one of 65,536 numbers that is so close to
// the middle between two floats that such an error could round it to the other one. Its bits are those of the formula.
#pragma once

#include "kernels/backend.h"
#include "kernels/philox.h"

#include <math.h>

namespace kantor::KANTOR_BACKEND::box_muller {

struct Pair {
  double first, second;
};

/// The formula.
__device__ inline Pair in_double(uint32_t a, uint32_t b) {
  const double radius = sqrt(-2 * log(1.0 - double(uniform_of(a))));
  const double angle = 6.283185307179586 * double(uniform_of(b));
  return {radius * cos(angle), radius * sin(angle)};
}

/// -2 log(n / 2^24) for n in [1, 2^24): with n = m 2^e and m in [sqrt(1/2), sqrt(2)), log m is the series of
/// 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
__device__ inline double minus_two_log(uint32_t n) {
  constexpr int root_half = 0x3f3504f3, mantissa_bits = 23;
  const int bits = __float_as_int(float(n)), e = (bits - root_half) >> mantissa_bits;
  const double m = double(__int_as_float(bits - e * (1 << mantissa_bits))), below = m + 1;
  double inverse = double(__fdividef(1.0F, float(below)));
  inverse = fma(inverse, fma(-below, inverse, 1.0), inverse);
  const double s = (m - 1) * inverse, z = s * s;
  double series = 1.0 / 15;
  series = fma(series, z, 1.0 / 13);
  series = fma(series, z, 1.0 / 11);
  series = fma(series, z, 1.0 / 9);
  series = fma(series, z, 1.0 / 7);
  series = fma(series, z, 1.0 / 5);
  series = fma(series, z, 1.0 / 3);
  const double twice = -4 * s;
  return fma(twice * z, series, fma(double(e - 24), -1.3862943611198906, twice));
}

/// sqrt(x) for x that a float can hold.
__device__ inline double root(double x) {
  const double inverse = double(rsqrtf(float(x))), first = x * inverse;
  return fma(0.5 * inverse, fma(-first, first, x), first);
}

/// Cosine and sine of the formula's rounded angle.
__device__ inline Pair cosine_and_sine(uint32_t b) {
  constexpr double half_pi = 1.5707963267948966, rest_of_half_pi = 6.123233995736766e-17;
  constexpr double whole = 0x1.8p52;  // adding it rounds to a whole number, in the lowest bits
  const double u = double(uniform_of(b)), angle = 6.283185307179586 * u;
  const double rounded = fma(u, 4.0, whole), quarters = rounded - whole;
  const double x = fma(-quarters, rest_of_half_pi, fma(-quarters, half_pi, angle)), z = x * x;
  double sine = 1.0 / 6227020800;
  sine = fma(sine, z, -1.0 / 39916800);
  sine = fma(sine, z, 1.0 / 362880);
  sine = fma(sine, z, -1.0 / 5040);
  sine = fma(sine, z, 1.0 / 120);
  sine = fma(sine, z, -1.0 / 6);
  sine = fma(x * z, sine, x);
  double cosine = -1.0 / 87178291200;
  cosine = fma(cosine, z, 1.0 / 479001600);
  cosine = fma(cosine, z, -1.0 / 3628800);
  cosine = fma(cosine, z, 1.0 / 40320);
  cosine = fma(cosine, z, -1.0 / 720);
  cosine = fma(cosine, z, 1.0 / 24);
  cosine = fma(cosine, z, -0.5);
  cosine = fma(cosine, z, 1.0);
  const unsigned quarter = unsigned(__double_as_longlong(rounded));
  const double c = (quarter & 1U) != 0 ? sine : cosine, s = (quarter & 1U) != 0 ? cosine : sine;
  return {((quarter + 1) & 2U) != 0 ? -c : c, (quarter & 2U) != 0 ? -s : s};
}

/// Whether an error of 2^-41 could change what x rounds to as a float: its last 29 bits are close to a half.
__device__ inline bool near_middle(double x) {
  constexpr unsigned lost = 0x1fffffff, half = 0x10000000, margin = 4096;
  return (unsigned(__double_as_longlong(x)) & lost) - (half - margin) < 2 * margin;
}

/// Numbers that round to the same floats as the formula's.
__device__ inline Pair in_float(uint32_t a, uint32_t b) {
  const uint32_t n = (1U << 24) - (a >> 8);
  const double radius = root(minus_two_log(n));
  const Pair unit = cosine_and_sine(b), pair{radius * unit.first, radius * unit.second};
  if (n == 1U << 24 || near_middle(pair.first) || near_middle(pair.second)) return in_double(a, b);
  return pair;
}

}  // namespace kantor::KANTOR_BACKEND::box_muller
