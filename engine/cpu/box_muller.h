// Two standard normals of two random words (Box and Muller 1958): radius sqrt(-2 log(1 - u)), angle 2 pi v, with u and
// v of 24 bits. Independent of kernels/box_muller.h, so that tests can compare the two.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kantor::cpu {

struct NormalPair {
  double first, second;
};

/// The formula.
NormalPair normal_pair(uint32_t a, uint32_t b);

inline constexpr size_t normal_batch = 32;
/// normal_pair of words a[i] and b[i] as floats, to the bit, in out[4 i] and out[4 i + 1], for i in [0, normal_batch).
void normal_pairs(const uint32_t* a, const uint32_t* b, float* out);

/// What normal_pairs computes instead of the formula, for its test: the radius for 1 - u = n 2^-24, n in [1, 2^24), and
/// cosine and sine of the angle for v 2^-24. Relative errors are below 2^-44.
double series_radius(int32_t n);
NormalPair series_direction(int32_t v);

}  // namespace kantor::cpu
