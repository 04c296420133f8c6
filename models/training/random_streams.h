// Streams of random numbers, one per use: no two uses draw the same numbers (engine/random.h).
#pragma once

#include <cstdint>

namespace kantor {

/// The stream of each use of random numbers in a training.
enum RandomStream : uint32_t {
  stream_generator_weights = 1,
  stream_critic_weights = 2,
  stream_data = 3,
  stream_critic_noise = 4,     // the generator's noise in critic updates
  stream_generator_noise = 5,  // and in its own
  stream_eps = 6,              // where a gradient penalty interpolates
  stream_evaluation_data = 7,
  stream_evaluation_noise = 8,
  stream_evaluation_eps = 9,
  stream_pictures = 10,
  stream_constraint_noise = 11,  // DRAGAN's perturbation
};

}  // namespace kantor
