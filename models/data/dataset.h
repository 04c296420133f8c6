// Data sets: distributions and files that batches are drawn from. A draw is a pure function of (seed, stream, step), so
// that a resumed run, another thread, or a look at one step again sees the same samples.
#pragma once

#include "engine/shape.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kantor {

/// Equally likely round Gaussians in the plane, in the data's own scale.
struct Mixture {
  std::vector<double> centres;  // x, y of each
  double sigma = 0;             // deviation along each axis

  [[nodiscard]] int modes() const { return static_cast<int>(centres.size() / 2); }
};

/// The spiral t (cos t, sin t) with t even from start to three times that, and noise of that deviation along each axis,
/// all divided by scale.
struct Spiral {
  double start = 0, sigma = 0, scale = 1;
};

class Dataset;

/// Another data set and normal noise on every value, each a draw of its own: by these flags on top of the caller's
/// stream. Value i takes words 2 i and 2 i + 1 of the noise's.
struct Noisy {
  static constexpr uint32_t data_stream = 0x40000000, noise_stream = 0x80000000;
  const Dataset* data;
  double deviation;
};

/// What a GAN trains on: samples, as a pure function of seed, stream and step.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// What messages and titles call it.
  [[nodiscard]] virtual std::string name() const = 0;
  /// One sample in PyTorch's order: [D], [T, D] for sequences, or [C, H, W] for images.
  [[nodiscard]] virtual Shape sample_shape() const = 0;
  /// Samples that a file holds; 0 for a distribution, which never runs out.
  [[nodiscard]] virtual int64_t size() const { return 0; }
  /// How its file is understood, for users: "pictures of 28 x 28 with 1 channel ([N, H, W] of uint8), scaled by 1/255".
  /// Empty for a distribution.
  [[nodiscard]] virtual std::string reading() const { return ""; }
  /// The mixture of Gaussians, or the spiral, that it is; null for other data. Sample k of these takes words 5 k to
  /// 5 k + 4 of its draw, the first for its place and two for each axis' noise, so that kernels can draw it too.
  [[nodiscard]] virtual const Mixture* mixture() const { return nullptr; }
  [[nodiscard]] virtual const Spiral* spiral() const { return nullptr; }
  /// The data set that it adds noise to; null for other data.
  [[nodiscard]] virtual const Noisy* noisy() const { return nullptr; }
  /// Writes `count` samples to `out`: [count, D], [count, T, D], or [count, H, W, C] (NHWC) in [0, 1] for images.
  /// Sample k depends on (seed, stream, step, k) only, not on `count`. Safe to call from several threads.
  virtual void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const = 0;

  [[nodiscard]] bool is_image() const { return sample_shape().rank() == 3; }
  /// Whether samples are points x, y, which have an exact W1 and pictures with level sets.
  [[nodiscard]] bool is_plane() const { return sample_shape() == Shape{2}; }
  /// The shape that `draw` fills: the engine's layout.
  [[nodiscard]] Shape batch_shape(int64_t count) const;
  [[nodiscard]] std::vector<float> draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count) const;
};

/// Whoever takes a data set shares it. Data sets do not change, and may be drawn from by several threads.
using DatasetPtr = std::shared_ptr<const Dataset>;

/// Throws FileError where a file holds fewer samples than one batch.
void check_batch(const Dataset& data, int64_t batch);

}  // namespace kantor
