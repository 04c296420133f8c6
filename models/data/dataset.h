// Data sets: distributions and files that batches are drawn from. A draw is a pure function of (seed, stream, step), so
// that a resumed run, another thread, or a look at one step again sees the same samples.
#pragma once

#include "engine/shape.h"

#include <cstdint>
#include <filesystem>
#include <functional>
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
  /// The Gaussians that it is made of, where it is; else null.
  [[nodiscard]] virtual const Mixture* mixture() const { return nullptr; }
  /// Writes `count` samples to `out`: [count, D], [count, T, D], or [count, H, W, C] (NHWC) in [0, 1] for images.
  /// Sample k depends on (seed, stream, step, k) only, not on `count`. Safe to call from several threads.
  virtual void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const = 0;

  [[nodiscard]] bool is_image() const { return sample_shape().rank() == 3; }
  /// Points x, y, for which there are exact W1 and pictures with level sets.
  [[nodiscard]] bool is_plane() const { return sample_shape() == Shape{2}; }
  /// The shape that `draw` fills: the engine's layout.
  [[nodiscard]] Shape batch_shape(int64_t count) const;
  [[nodiscard]] std::vector<float> draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count) const;
};

/// A data set that whoever takes it goes on referring to: it must outlive the taker, so no temporary becomes one.
using DatasetRef = std::reference_wrapper<const Dataset>;

/// What a configuration says of the data.
struct DataConfig {
  std::string kind = "gaussians8";  // one of dataset_kinds()
  // file: .npy, IDX, .csv, plain or .gz, or a folder of PNGs; fashion-mnist and silk: the folder, if not Debian's;
  // funnels: a pair as open_pair takes it
  std::string path;
  int64_t length = 32;  // sequences: T
};

const std::vector<std::string>& dataset_kinds();

/// Throws Error for an unknown kind, FileError for a file that is missing or bad.
std::unique_ptr<Dataset> open_dataset(const DataConfig& config);

/// Throws FileError where a file holds fewer samples than one batch.
void check_batch(const Dataset& data, int64_t batch);

/// The toy distributions of Gulrajani et al. 2017 with the released code's scales (mixtures.cpp, swissroll.cpp).
std::unique_ptr<Dataset> gaussians8();
std::unique_ptr<Dataset> gaussians25();
std::unique_ptr<Dataset> swissroll();
/// Noisy sines [T, 1] (sequences.cpp): sin(2 pi (f t + p)) + 0.1 N(0, 1), t = 0 ... length - 1, with f uniform in
/// [1/32, 1/8] and p in [0, 1), one of each a sequence. Throws ShapeError for a length below 1.
std::unique_ptr<Dataset> sequences(int64_t length);
/// Samples of a file, drawn with replacement (samples.cpp): IDX images [N, H, W] of bytes; NPY points [N, D], sequences
/// [N, T, D], or images: [N, C, H, W] (PyTorch's order), [N, H, W, C] where no other reading makes sense, and [N, H, W]
/// of uint8 or bool, in [0, 1] or, if integers, in 0..255 or all 0 or 1; CSV (by its name) [N, D]; all of these plain
/// or gzip; a folder of PNGs of one size (image_folder.cpp). Non-finite values are refused.
std::unique_ptr<Dataset> open_samples(const std::filesystem::path& path, std::string name);

}  // namespace kantor
