// Plots: image grids, and scatter plots of the plane over a scalar field with its level sets.
#pragma once

#include "engine/tensor.h"
#include "models/files/png.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kantor {

/// Pixels of the largest PNG that can be read again.
constexpr int64_t most_grid_pixels = int64_t{1} << 26;

/// How a grid of images of height x width shows `count` of them in at most `pixels` pixels: each pixel twice as wide
/// where that fits, else once, else fewer images; at least one.
struct GridSize {
  int64_t count = 1;
  int zoom = 1;
};
GridSize fit_grid(int64_t count, int64_t height, int64_t width, int64_t pixels);

/// Images side by side, as square as possible or `columns` in a row, each pixel `zoom` wide. PNG holds 1 or 3 channels:
/// 2 channels are shown by their mean in gray, 4 and more by the first three in colour.
class ImageGrid {
 public:
  /// Throws ShapeError for no image, no channel, and more than most_grid_pixels.
  ImageGrid(int64_t count, int64_t height, int64_t width, int64_t channels, int64_t columns = 0, int zoom = 2);
  /// Images [B, H, W, C] in [0, 1], as number first and following.
  void paint(int64_t first, const Tensor& images);
  [[nodiscard]] const Image& image() const { return image_; }

 private:
  int64_t count_, height_, width_, channels_, columns_, zoom_;
  Image image_;
};

/// All of `images` [B, H, W, C] at once.
Image image_grid(const Tensor& images, int64_t columns = 0, int zoom = 2);

/// Values of a function on a square grid over [low, high]^2, rows from the top (largest y) down.
struct Field {
  double low = -1, high = 1;
  int resolution = 0;
  std::vector<float> values;
};
/// x of column i, y of row j: the centres of the cells.
double field_coordinate(const Field& field, int index);

/// The field's colours and level sets under two sets of points x, y: the data in white, the samples in orange.
Image scatter(const Field& field, std::span<const float> data, std::span<const float> samples, int size = 512);

}  // namespace kantor
