#include "models/training/picture.h"

#include "engine/grad_mode.h"
#include "engine/random.h"
#include "models/files/png.h"
#include "models/plot/plot.h"
#include "models/training/random_streams.h"

#include <algorithm>
#include <cmath>

namespace kantor {
namespace {

constexpr int64_t grid_images = 64, plane_points = 512;
constexpr int64_t grid_pixels = 2200 * 2200;  // 64 images of 128 x 128, each pixel twice as wide
constexpr int field_resolution = 96;

/// The function on a square that holds the data with a margin.
Field field_of(const PlaneFunction& function, std::span<const float> data) {
  double reach = 1;
  for (const float x : data) reach = std::max(reach, static_cast<double>(std::abs(x)));
  Field field{-1.25 * reach, 1.25 * reach, field_resolution, {}};
  std::vector<float> points;
  for (int row = 0; row < field_resolution; ++row) {
    for (int column = 0; column < field_resolution; ++column) {
      points.push_back(static_cast<float>(field_coordinate(field, column)));
      points.push_back(static_cast<float>(-field_coordinate(field, row)));
    }
  }
  field.values = function(points);
  return field;
}

}  // namespace

Image draw_plane(const PlaneFunction& function, std::span<const float> real, std::span<const float> fake) {
  return scatter(field_of(function, real), real, fake);
}

Image draw_plane(const Network& critic, std::span<const float> real, std::span<const float> fake) {
  const PlaneFunction scores = [&](std::span<const float> points) {
    const NoGrad no_grad;
    const auto count = static_cast<int64_t>(points.size() / 2);
    return critic(from_host(points, {count, 2}, critic.options()), Mode::evaluate).to_vector<float>();
  };
  return draw_plane(scores, real, fake);
}

Image draw_samples(const Trainer& trainer, const Dataset& data) {
  if (data.is_image()) {
    const Shape sample = data.sample_shape();
    const GridSize size = fit_grid(grid_images, sample[1], sample[2], grid_pixels);
    return image_grid(trainer.generate(size.count, stream_pictures, 0), 0, size.zoom);
  }
  const std::vector<float> real =
      data.draw(static_cast<uint64_t>(trainer.config().seed), stream_pictures, 0, plane_points);
  const std::vector<float> fake = trainer.generate(plane_points, stream_pictures, 0).to_vector<float>();
  if (data.is_plane()) return draw_plane(trainer.critic().network(), real, fake);
  // Beyond the plane: the first two coordinates, over an even ground.
  const int64_t width = data.sample_shape().size();
  const auto first_two = [&](const std::vector<float>& values) {
    std::vector<float> points;
    for (int64_t i = 0; i < plane_points; ++i) {
      for (int64_t k = 0; k < 2; ++k) points.push_back(k < width ? values[static_cast<size_t>(i * width + k)] : 0.0F);
    }
    return points;
  };
  const std::vector<float> points = first_two(real);
  double reach = 1;
  for (const float x : points) reach = std::max(reach, static_cast<double>(std::abs(x)));
  const Field ground{-1.25 * reach, 1.25 * reach, 2, {0, 0, 0, 0}};
  return scatter(ground, points, first_two(fake));
}

}  // namespace kantor
