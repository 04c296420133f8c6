// HeldSamples: the samples of files, held in memory and drawn with replacement.
#pragma once

#include "engine/random.h"
#include "models/data/dataset.h"

#include <algorithm>
#include <type_traits>

namespace kantor {

/// Values of all samples in the engine's layout; bytes stay bytes, a quarter of the memory.
template <class T>
class HeldSamples final : public Dataset {
 public:
  HeldSamples(std::string name, const Shape& sample, std::vector<T> values)
      : name_(std::move(name)), sample_(sample), values_(std::move(values)) {}

  std::string name() const override { return name_; }
  Shape sample_shape() const override { return sample_; }
  int64_t size() const override { return static_cast<int64_t>(values_.size()) / sample_.size(); }

  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    HostRandom random(seed, stream, step);
    const int64_t length = sample_.size(), samples = size();
    for (int64_t i = 0; i < count; ++i, out += length) {
      const T* from = values_.data() + random.below(samples) * length;
      if constexpr (std::is_same_v<T, uint8_t>)
        std::transform(from, from + length, out, [](uint8_t byte) { return static_cast<float>(byte) / 255.0f; });
      else
        std::copy_n(from, length, out);
    }
  }

 private:
  std::string name_;
  Shape sample_;
  std::vector<T> values_;
};

/// A folder of PNGs (image_folder.cpp).
std::unique_ptr<Dataset> open_image_folder(const std::filesystem::path& folder, std::string name);

}  // namespace kantor
