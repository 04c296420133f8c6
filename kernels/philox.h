// Launchers of random draws: Philox4x32-10 (Salmon et al. 2011), counter-based. Element e of (stream, step) takes word
// e % 4 of the block of counter (e / 4, stream, step) under key `seed`: the words are the same on every device.
#pragma once

#include "kernels/compile.h"
#include "kernels/launcher.h"

namespace kantor {

struct PhiloxWords {
  uint32_t v[4];
};

/// The ten rounds of one block: 20 wide multiplications for 4 words.
KANTOR_FUNCTION inline PhiloxWords philox(uint64_t seed, uint64_t block, uint32_t stream, uint64_t step) {
  // The step takes 48 bits, the block 48: enough for 10^14 elements of 10^14 steps.
  PhiloxWords c{
      {uint32_t(block), stream, uint32_t(step), uint32_t((block >> 32 & 0xFFFF) << 16 | (step >> 32 & 0xFFFF))}};
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(0xD2511F53) * c.v[0], p1 = uint64_t(0xCD9E8D57) * c.v[2];
    c = {{uint32_t(p1 >> 32) ^ c.v[1] ^ k0, uint32_t(p1), uint32_t(p0 >> 32) ^ c.v[3] ^ k1, uint32_t(p0)}};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

/// Uniform in [0, 1) with 24 bits, from the top of a word.
KANTOR_FUNCTION inline float uniform_of(uint32_t word) {
  return float(word >> 8) * 0x1p-24f;
}

/// The key of a draw and the element it begins at. `step` is in device memory, so that a replay draws new numbers.
struct DrawKey {
  uint64_t seed;
  uint32_t stream;
  const int64_t* step;
  int64_t first;
};

// T is float or double.
KANTOR_LAUNCHERS(
    /// U[0, 1) of 24 bits each: bit-identical on every device.
    template <class T> void draw_uniform(DrawKey key, T* y, int64_t size, Stream stream);
    /// N(0, 1) by Box and Muller's formula in double, to the bit of T.
    template <class T> void draw_normal(DrawKey key, T* y, int64_t size, Stream stream);
    /// Integers in [0, n), n at most 2^31: bit-identical on every device.
    void draw_below(DrawKey key, uint64_t n, int64_t* y, int64_t size, Stream stream);)

}  // namespace kantor
