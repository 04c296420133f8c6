#include "models/plot/plot.h"

#include "engine/error.h"
#include "models/files/png.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace kantor {
namespace {

using Colour = std::array<double, 3>;

constexpr Colour data_colour{255, 255, 255}, sample_colour{255, 140, 40}, outline{20, 20, 30};
constexpr int level_count = 12;

/// A dark blue to pale green ramp: even in lightness, safe for the colour-blind.
Colour ramp(double t) {
  static constexpr std::array<Colour, 5> stops{
      {{38, 27, 84}, {41, 83, 132}, {46, 133, 140}, {102, 183, 134}, {205, 222, 135}}};
  const double x = std::clamp(t, 0.0, 1.0) * (stops.size() - 1);
  const auto i = std::min<size_t>(static_cast<size_t>(x), stops.size() - 2);
  Colour c;
  for (size_t k = 0; k < 3; ++k) c[k] = stops[i][k] + (x - static_cast<double>(i)) * (stops[i + 1][k] - stops[i][k]);
  return c;
}

void blend(Image& image, int x, int y, const Colour& colour, double alpha) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  uint8_t* pixel =
      image.pixels.data() + (static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x)) * 3;
  for (size_t k = 0; k < 3; ++k)
    pixel[k] = static_cast<uint8_t>(std::lround((1 - alpha) * pixel[k] + alpha * colour[k]));
}

/// An antialiased disc with a dark rim.
void dot(Image& image, double x, double y, double radius, const Colour& colour) {
  for (int py = static_cast<int>(y - radius - 2); py <= static_cast<int>(y + radius + 2); ++py) {
    for (int px = static_cast<int>(x - radius - 2); px <= static_cast<int>(x + radius + 2); ++px) {
      const double d = std::hypot(px + 0.5 - x, py + 0.5 - y);
      blend(image, px, py, outline, 0.6 * std::clamp(radius + 1.2 - d, 0.0, 1.0));
      blend(image, px, py, colour, std::clamp(radius + 0.3 - d, 0.0, 1.0));
    }
  }
}

/// Bilinear value at pixel (px, py) of an image of `size`.
double value_at(const Field& field, double px, double py, int size) {
  const auto place = [&](double p) {
    return std::clamp(p / size * field.resolution - 0.5, 0.0, field.resolution - 1.0);
  };
  const double x = place(px), y = place(py);
  const int i = std::min(static_cast<int>(x), field.resolution - 2),
            j = std::min(static_cast<int>(y), field.resolution - 2);
  const auto v = [&](int a, int b) {
    return static_cast<double>(field.values[static_cast<size_t>(b * field.resolution + a)]);
  };
  const double fx = x - i, fy = y - j;
  return (1 - fy) * ((1 - fx) * v(i, j) + fx * v(i + 1, j)) + fy * ((1 - fx) * v(i, j + 1) + fx * v(i + 1, j + 1));
}

/// The field as colours, a line where the level changes between neighbouring pixels.
void paint_field(Image& image, const Field& field) {
  const auto [low, high] = std::minmax_element(field.values.begin(), field.values.end());
  const double base = *low, range = std::max(static_cast<double>(*high) - *low, 1e-30);
  const int size = image.width;
  const auto level = [&](int x, int y) { return (value_at(field, x + 0.5, y + 0.5, size) - base) / range; };
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const double t = level(x, y);
      blend(image, x, y, ramp(t), 1);
      const auto band = [](double v) { return std::min(static_cast<int>(v * level_count), level_count - 1); };
      if (band(t) != band(level(x + 1, y)) || band(t) != band(level(x, y + 1))) blend(image, x, y, data_colour, 0.35);
    }
  }
}

/// Number of images in a row of the squarest grid.
int64_t square_side(int64_t count) {
  return static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
}

struct GridExtent {
  int64_t height, width;
  [[nodiscard]] double pixels() const { return static_cast<double>(height) * static_cast<double>(width); }
};
/// The extent of a whole grid with a gap around each image; 0 columns means the squarest grid.
GridExtent grid_extent(int64_t count, int64_t height, int64_t width, int64_t columns, int64_t zoom) {
  if (columns < 1) columns = square_side(count);
  const int64_t rows = (count + columns - 1) / columns, gap = zoom;
  return {rows * (height * zoom + gap) + gap, columns * (width * zoom + gap) + gap};
}

}  // namespace

double field_coordinate(const Field& field, int index) {
  return field.low + (index + 0.5) * (field.high - field.low) / field.resolution;
}

GridSize fit_grid(int64_t count, int64_t height, int64_t width, int64_t pixels) {
  for (const int zoom : {2, 1}) {
    if (grid_extent(count, height, width, 0, zoom).pixels() <= static_cast<double>(pixels)) return {count, zoom};
  }
  int64_t side = square_side(count) - 1;
  while (side > 1 && grid_extent(side * side, height, width, 0, 1).pixels() > static_cast<double>(pixels)) --side;
  return {std::max<int64_t>(1, side * side), 1};
}

ImageGrid::ImageGrid(int64_t count, int64_t height, int64_t width, int64_t channels, int64_t columns, int zoom)
    : count_(count), height_(height), width_(width), channels_(channels), columns_(columns), zoom_(zoom) {
  if (count < 1 || height < 1 || width < 1 || channels < 1) {
    throw ShapeError(fmt::format("a grid of {} images of {} x {} with {} channels: expected at least one of each",
                                 count, height, width, channels));
  }
  if (columns_ < 1) columns_ = square_side(count);
  const GridExtent extent = grid_extent(count, height, width, columns_, zoom);
  if (extent.pixels() > static_cast<double>(most_grid_pixels)) {
    throw ShapeError(fmt::format("a grid of {} images of {} x {} has {} x {} pixels, expected at most {} in all", count,
                                 height, width, extent.height, extent.width, most_grid_pixels));
  }
  image_.channels = channels < 3 ? 1 : 3;
  image_.width = static_cast<int>(extent.width);
  image_.height = static_cast<int>(extent.height);
  image_.pixels.assign(static_cast<size_t>(extent.width * extent.height * image_.channels), 128);
}

void ImageGrid::paint(int64_t first, const Tensor& images) {
  const Shape& shape = images.shape();
  if (images.rank() != 4 || shape != Shape{shape[0], height_, width_, channels_} || first < 0 ||
      shape[0] > count_ - first) {
    throw ShapeError(fmt::format("image_grid: expected at most {} images [B, {}, {}, {}], found {}", count_ - first,
                                 height_, width_, channels_, describe(images)));
  }
  const std::vector<float> values = images.to_vector<float>();
  const auto shown = [&](const float* pixel, int64_t c) {
    const float v = channels_ == 2 ? (pixel[0] + pixel[1]) / 2 : pixel[c];
    return static_cast<uint8_t>(std::lround(std::clamp(v, 0.0F, 1.0F) * 255));
  };
  const int64_t gap = zoom_, row_length = int64_t{image_.width} * image_.channels;
  for (int64_t b = 0; b < shape[0]; ++b) {
    const int64_t left = gap + (first + b) % columns_ * (width_ * zoom_ + gap);
    const int64_t top = gap + (first + b) / columns_ * (height_ * zoom_ + gap);
    for (int64_t y = 0; y < height_ * zoom_; ++y) {
      uint8_t* out = image_.pixels.data() + (top + y) * row_length + left * image_.channels;
      for (int64_t x = 0; x < width_ * zoom_; ++x) {
        const float* pixel = values.data() + ((b * height_ + y / zoom_) * width_ + x / zoom_) * channels_;
        for (int64_t c = 0; c < image_.channels; ++c) *out++ = shown(pixel, c);
      }
    }
  }
}

Image image_grid(const Tensor& images, int64_t columns, int zoom) {
  if (images.rank() != 4) throw ShapeError("image_grid: expected images [B, H, W, C], found " + describe(images));
  const Shape& shape = images.shape();
  ImageGrid grid(shape[0], shape[1], shape[2], shape[3], columns, zoom);
  grid.paint(0, images);
  return grid.image();
}

Image scatter(const Field& field, std::span<const float> data, std::span<const float> samples, int size) {
  if (field.resolution < 2 ||
      field.values.size() != static_cast<size_t>(field.resolution) * static_cast<size_t>(field.resolution) ||
      !(field.low < field.high)) {
    throw ShapeError("scatter: the field must have resolution^2 values, resolution at least 2, and low < high");
  }
  Image image;
  image.width = image.height = size;
  image.pixels.assign(static_cast<size_t>(size) * static_cast<size_t>(size) * 3, 0);
  paint_field(image, field);
  const auto draw = [&](std::span<const float> points, double radius, const Colour& colour) {
    for (size_t i = 0; i + 1 < points.size(); i += 2) {
      const double scale = size / (field.high - field.low);
      dot(image, (static_cast<double>(points[i]) - field.low) * scale,
          (field.high - static_cast<double>(points[i + 1])) * scale, radius, colour);
    }
  };
  draw(samples, 2.2, sample_colour);
  draw(data, 1.5, data_colour);  // on top, because the samples would hide the narrow modes
  return image;
}

}  // namespace kantor
