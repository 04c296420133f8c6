// What the training kernel draws: the numbers of the engine's draws and of the plane's data sets. For kernel files.
#pragma once

#include "kernels/box_muller.h"
#include "kernels/mlp_training.h"
#include "kernels/philox.h"

#include <math.h>

namespace kantor::KANTOR_BACKEND {

/// Element e of the engine's normal draw, to the bit.
__device__ inline float normal_at(uint64_t seed, uint32_t stream, int64_t step, int64_t e) {
  const PhiloxWords words = philox(seed, uint64_t(e / 4), stream, uint64_t(step));
  const int first = int(e % 4) / 2 * 2;
  const box_muller::Pair pair = box_muller::in_float(words.v[first], words.v[first + 1]);
  return float(e % 2 == 0 ? pair.first : pair.second);
}
/// Element e of its uniform draw.
__device__ inline float uniform_at(uint64_t seed, uint32_t stream, int64_t step, int64_t e) {
  const PhiloxWords words = philox(seed, uint64_t(e / 4), stream, uint64_t(step));
  return uniform_of(words.v[e % 4]);
}

struct PlanePoint {
  float x, y;
};

/// Sample k of a distribution of the plane: its formula in double.
__device__ inline PlanePoint plane_sample(const MlpData& data, uint64_t seed, int64_t step, int64_t k) {
  const uint64_t first = 5 * uint64_t(k);
  const PhiloxWords near = philox(seed, first / 4, data.stream, uint64_t(step)),
                    far = philox(seed, first / 4 + 1, data.stream, uint64_t(step));
  const auto word = [&](int j) {
    const int at = int(first % 4) + j;
    return at < 4 ? near.v[at] : far.v[at - 4];
  };
  const double x_noise = data.sigma * box_muller::in_double(word(1), word(2)).first,
               y_noise = data.sigma * box_muller::in_double(word(3), word(4)).first;
  if (data.law == MlpData::Law::mixture) {
    const double* centre = data.centres + 2 * (uint64_t(word(0)) * uint64_t(data.modes) >> 32);
    return {float(centre[0] + x_noise), float(centre[1] + y_noise)};
  }
  const double t = data.start * (1 + 2 * double(uniform_of(word(0))));
  return {float((t * cos(t) + x_noise) / data.scale), float((t * sin(t) + y_noise) / data.scale)};
}

/// The noise on top of sample k.
__device__ inline PlanePoint more_noise(const MlpData& data, uint64_t seed, int64_t step, int64_t k) {
  const PhiloxWords words = philox(seed, uint64_t(k), data.more_noise_stream, uint64_t(step));
  return {float(data.more_noise * box_muller::in_double(words.v[0], words.v[1]).first),
          float(data.more_noise * box_muller::in_double(words.v[2], words.v[3]).first)};
}

/// A block's samples [first, last) of every critic update of an iteration, into points [critic steps, batch, 2]. Bits
/// are those of the data set where sine, cosine and logarithm are the host's, as on the simulator; a GPU's differ in
/// the last bits of a double, and almost never in a float. A call of its own, so that its doubles take no registers
/// from the rest of the kernel.
__attribute__((noinline)) __device__ inline void draw_plane_samples(const MlpTraining& t, const MlpData& data,
                                                                    uint64_t seed, int64_t step, int first, int last,
                                                                    float* points) {
  const int mine = last - first;
  for (int i = threadIdx.x; i < mine * t.critic_steps; i += blockDim.x) {
    const int64_t k = int64_t(i / mine) * t.batch + first + i % mine;
    PlanePoint point = plane_sample(data, seed, step, k);
    if (data.more_noise != 0) {
      const PlanePoint more = more_noise(data, seed, step, k);
      point = {point.x + more.x, point.y + more.y};
    }
    points[2 * k] = point.x;
    points[2 * k + 1] = point.y;
  }
}

}  // namespace kantor::KANTOR_BACKEND
