// Sampling: what a generator makes of noise, in pieces of one size, so that memory is bounded and sample k is the same
// whatever the count.
#pragma once

#include "models/nn/network.h"

#include <cstdint>
#include <functional>

namespace kantor {

/// The noise N(0, 1) of samples: sample k takes numbers k z ... (k + 1) z - 1 of (seed, stream, step).
struct Noise {
  int64_t z = 1;
  uint64_t seed = 0;
  uint32_t stream = 0;
  int64_t step = 0;
};

/// Calls fn(first, samples) for samples first ... first + n - 1 of `count`, in order, n at most 64: engine layout, on
/// the network's device, in evaluation mode. Each piece is computed as a whole one, so that the bits of a sample depend
/// on (noise, k) only.
void for_samples(const Network& generator, const Noise& noise, int64_t count,
                 const std::function<void(int64_t first, const Tensor& samples)>& fn);

/// All of them in one tensor.
Tensor generate(const Network& generator, const Noise& noise, int64_t count);

}  // namespace kantor
