// The formula in double, with the library's log, cos and sin, takes no vectors and a dozen nanoseconds a number. A
// float holds 24 bits of the 53: so normals in float32 take shorter series, in vector code, and the formula itself
// where a number lies so close to the middle between two floats that the error of the series could round it to the
// other one, which is one number of 65,536. Their bits are those of the formula.
//
// This file is compiled without contraction into multiply-adds (engine/CMakeLists.txt): the series take the angle as
// the formula does, rounded.
#include "engine/cpu/box_muller.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace kantor::cpu {
namespace {

constexpr int32_t one = 1 << 24;

/// The radius for 1 - u = n 2^-24, n in [1, 2^24). With n = m 2^e and m in [sqrt(1/2), sqrt(2)), log m is the series of
/// 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
double radius_of(int32_t n) {
  constexpr int32_t root_half = 0x3f3504f3, mantissa_bits = 23;
  const auto bits = std::bit_cast<int32_t>(static_cast<float>(n));
  const int32_t e = (bits - root_half) >> mantissa_bits;
  const auto m = static_cast<double>(std::bit_cast<float>(bits - e * (1 << mantissa_bits)));
  const double s = (m - 1) / (m + 1), z = s * s;
  double series = 1.0 / 15;
  series = series * z + 1.0 / 13;
  series = series * z + 1.0 / 11;
  series = series * z + 1.0 / 9;
  series = series * z + 1.0 / 7;
  series = series * z + 1.0 / 5;
  series = series * z + 1.0 / 3;
  return std::sqrt(-2 * std::numbers::ln2 * static_cast<double>(e - 24) - (4 * s * z * series + 4 * s));
}

/// Cosine and sine of the formula's angle for v 2^-24. The nearest multiple of pi / 2 is subtracted in three parts:
/// whole pi and half of it, which leave exact differences, and what they lack of the true pi.
NormalPair direction_of(int32_t v) {
  constexpr double pi = std::numbers::pi, rest_of_half_pi = 6.123233995736766e-17;
  const double angle = 2 * pi * (static_cast<double>(v) * 0x1p-24);
  const int32_t quarter = (v + (1 << 21)) >> 22;
  const double reduced = angle - static_cast<double>(quarter >> 1) * pi - static_cast<double>(quarter & 1) * (pi / 2);
  const double x = reduced - static_cast<double>(quarter) * rest_of_half_pi, z = x * x;
  double sine = 1.0 / 6227020800;
  sine = sine * z - 1.0 / 39916800;
  sine = sine * z + 1.0 / 362880;
  sine = sine * z - 1.0 / 5040;
  sine = sine * z + 1.0 / 120;
  sine = sine * z - 1.0 / 6;
  sine = x * z * sine + x;
  double cosine = -1.0 / 87178291200;
  cosine = cosine * z + 1.0 / 479001600;
  cosine = cosine * z - 1.0 / 3628800;
  cosine = cosine * z + 1.0 / 40320;
  cosine = cosine * z - 1.0 / 720;
  cosine = cosine * z + 1.0 / 24;
  cosine = cosine * z - 0.5;
  cosine = cosine * z + 1.0;
  const double c = (quarter & 1) != 0 ? sine : cosine, s = (quarter & 1) != 0 ? cosine : sine;
  return {((quarter + 1) & 2) != 0 ? -c : c, (quarter & 2) != 0 ? -s : s};
}

/// Whether an error of 2^-41 could change what x rounds to as a float: its last 29 bits are close to a half.
bool near_middle(double x) {
  constexpr uint64_t lost = 0x1fffffff, half = 0x10000000, margin = 4096;
  return ((std::bit_cast<uint64_t>(x) - (half - margin)) & lost) < 2 * margin;
}

}  // namespace

NormalPair normal_pair(uint32_t a, uint32_t b) {
  const double radius = std::sqrt(-2 * std::log(1.0 - static_cast<double>(a >> 8) * 0x1p-24));
  const double angle = 2 * std::numbers::pi * (static_cast<double>(b >> 8) * 0x1p-24);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

void normal_pairs(const uint32_t* a, const uint32_t* b, float* out) {
  std::array<uint32_t, normal_batch> unsure;  // 1 where the formula is needed
  uint32_t any = 0;
  for (size_t i = 0; i < normal_batch; ++i) {
    const int32_t n = one - static_cast<int32_t>(a[i] >> 8);
    const double radius = radius_of(n);
    const auto [cosine, sine] = direction_of(static_cast<int32_t>(b[i] >> 8));
    const double first = radius * cosine, second = radius * sine;
    out[4 * i] = static_cast<float>(first);
    out[4 * i + 1] = static_cast<float>(second);
    unsure[i] = n == one || near_middle(first) || near_middle(second) ? 1 : 0;
    any |= unsure[i];
  }
  for (size_t i = 0; any != 0 && i < normal_batch; ++i) {
    if (unsure[i] == 0) continue;
    const auto [first, second] = normal_pair(a[i], b[i]);
    out[4 * i] = static_cast<float>(first);
    out[4 * i + 1] = static_cast<float>(second);
  }
}

double series_radius(int32_t n) {
  return radius_of(n);
}

NormalPair series_direction(int32_t v) {
  return direction_of(v);
}

}  // namespace kantor::cpu
