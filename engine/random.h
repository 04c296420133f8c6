// Random numbers: Philox4x32-10 (Salmon et al., SC 2011), counter-based. Key = seed, counter = (element, stream, step):
// a draw depends on nothing else, so that bits are the same on every device and for every number of threads.
#pragma once

#include "engine/tensor.h"

#include <array>
#include <cstdint>

namespace kantor {

/// The block function: four 32-bit words of the counter under a 64-bit key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, uint64_t key);

/// Uniform in [0, 1) with 24 bits, from the top of a word. The same float on every device.
inline float uniform_from_bits(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

/// Element e of the uniform draw of (seed, stream, step).
float uniform_at(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);

/// Sequential draws on the host, for initializers and data sets.
class HostRandom {
 public:
  HostRandom(uint64_t seed, uint32_t stream, uint64_t step = 0);
  uint32_t bits();
  /// In [0, 1), 24 bits.
  double uniform();
  /// Standard normal, by Box and Muller.
  double normal();
  /// In [0, n). Throws ShapeError for n < 1.
  int64_t below(int64_t n);

 private:
  uint64_t key_, step_;
  uint32_t stream_;
  uint64_t block_ = 0;
  int used_ = 4;
  std::array<uint32_t, 4> words_{};
};

/// Names the random numbers of a draw: element i of it is element first + i of (seed, stream, step). `step` is an int64
/// tensor of size 1, read when the draw is done.
struct Draw {
  uint64_t seed = 0;
  uint32_t stream = 0;
  Tensor step = {};
  int64_t first = 0;
};

/// Draws inside a step: the step number is in a tensor, so that replays draw anew. Element e of (seed, stream, step)
/// takes word e % 4 of the block (e / 4, stream, step).
Tensor uniform(const Shape& shape, const Draw& draw, DType dtype = DType::float32);
/// Standard normal; pairs of words by Box and Muller.
Tensor normal(const Shape& shape, const Draw& draw, DType dtype = DType::float32);
/// Integers in [0, n), n at most 2^31, as int64: (word * n) >> 32.
Tensor random_below(const Shape& shape, int64_t n, const Draw& draw);

/// The same with the parts of a Draw as arguments, from element 0.
inline Tensor uniform(const Shape& shape, uint64_t seed, uint32_t stream, const Tensor& step,
                      DType dtype = DType::float32) {
  return uniform(shape, {seed, stream, step, 0}, dtype);
}
inline Tensor normal(const Shape& shape, uint64_t seed, uint32_t stream, const Tensor& step,
                     DType dtype = DType::float32) {
  return normal(shape, {seed, stream, step, 0}, dtype);
}
inline Tensor random_below(const Shape& shape, int64_t n, uint64_t seed, uint32_t stream, const Tensor& step) {
  return random_below(shape, n, {seed, stream, step, 0});
}

}  // namespace kantor
