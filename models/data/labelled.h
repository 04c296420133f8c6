// Labelled images, all in memory, for a classifier to learn from.
#pragma once

#include "engine/shape.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace kantor {

struct LabelledImages {
  Shape sample;                 // [C, H, W]
  std::vector<uint8_t> pixels;  // [N, H, W, C], 0..255
  std::vector<uint8_t> labels;  // [N]
  int classes = 0;              // the largest label plus one

  [[nodiscard]] int64_t count() const { return static_cast<int64_t>(labels.size()); }
  /// Images `index` [M] as floats in [0, 1], [M, H, W, C].
  [[nodiscard]] std::vector<float> images(const std::vector<int64_t>& index) const;
};

/// IDX images [N, H, W] and labels [N]. Throws FileError where a file is bad or the counts differ.
LabelledImages read_labelled(const std::filesystem::path& images, const std::filesystem::path& labels);

/// Fashion-MNIST (or MNIST, whose files have the same names) from a folder; "" is Debian's. `train`: the 60,000, else
/// the 10,000 held back. Throws FileError naming the package where it is missing.
LabelledImages read_labelled_mnist(const std::filesystem::path& folder, bool train);

}  // namespace kantor
