// SamplesInMemory: the samples of files, held in memory and drawn with replacement.
#pragma once

#include "engine/random.h"
#include "models/data/dataset.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace kantor {

/// Values of all samples in the engine's layout, divided by `divisor` when they are drawn; bytes stay bytes, a quarter
/// of the memory.
template <class T>
class SamplesInMemory final : public Dataset {
 public:
  SamplesInMemory(std::string name, const Shape& sample, std::vector<T> values, std::string reading, float divisor = 1)
      : name_(std::move(name)),
        reading_(std::move(reading)),
        sample_(sample),
        values_(std::move(values)),
        divisor_(divisor) {}

  std::string name() const override { return name_; }
  std::string reading() const override { return reading_; }
  Shape sample_shape() const override { return sample_; }
  int64_t size() const override { return static_cast<int64_t>(values_.size()) / sample_.size(); }

  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    HostRandom random(seed, stream, step);
    const int64_t length = sample_.size(), samples = size();
    for (int64_t i = 0; i < count; ++i, out += length) {
      const T* from = values_.data() + random.below(samples) * length;
      if constexpr (std::is_same_v<T, uint8_t>) {
        std::transform(from, from + length, out, [this](T value) { return static_cast<float>(value) / divisor_; });
      } else {
        std::copy_n(from, length, out);
      }
    }
  }

 private:
  std::string name_, reading_;
  Shape sample_;
  std::vector<T> values_;
  float divisor_;
};

/// "pictures of 28 x 28 with 1 channel"; `sample` is [C, H, W].
std::string describe_pictures(const Shape& sample);

/// The divisor that scales integer pixels to [0, 1]: 255, or 1 if all are 0 or 1; and its description for
/// Dataset::reading.
struct PixelScale {
  float divisor;
  std::string text;
};
PixelScale pixel_scale(const std::vector<uint8_t>& values);

/// A folder of PNGs (image_folder.cpp).
DatasetPtr open_image_folder(const std::filesystem::path& folder, std::string name);

}  // namespace kantor
