// Plots: pixels where they belong.
#include "models/plot/plot.h"

#include "engine/error.h"
#include "models/files/png.h"
#include "tests/catch.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace kantor;

namespace {

std::array<int, 3> pixel(const Image& image, int x, int y) {
  const auto at = (static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x)) * 3;
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

}  // namespace

TEST_CASE("plot: a grid of images, row by row, with gaps") {
  const Tensor images = from_host<float>({0, 0.5F, 1, 2}, {4, 1, 1, 1});
  const Image grid = image_grid(images, 0, 2);
  CHECK(grid.width == 2 * (2 + 2) + 2);
  CHECK(grid.height == grid.width);
  CHECK(grid.channels == 1);
  const auto at = [&](int x, int y) { return static_cast<int>(grid.pixels[static_cast<size_t>(y * grid.width + x)]); };
  CHECK(at(0, 0) == 128);
  CHECK(at(2, 2) == 0);
  CHECK(at(6, 3) == 128);
  CHECK(at(3, 6) == 255);
  CHECK(at(7, 7) == 255);
  CHECK(image_grid(zeros({3, 2, 2, 3}), 3, 1).channels == 3);
  CHECK_THROWS_AS(image_grid(zeros({3, 2, 2, 0})), ShapeError);
  CHECK_THROWS_AS(image_grid(zeros({0, 2, 2, 1})), ShapeError);
}

TEST_CASE("plot: of 2 channels the mean is shown, of 4 the first three") {
  const Image gray = image_grid(from_host<float>({0, 1}, {1, 1, 1, 2}), 0, 1);
  CHECK(gray.channels == 1);
  CHECK(gray.pixels[4] == 128);
  const Image colour = image_grid(from_host<float>({0, 1, 0.2F, 0.7F}, {1, 1, 1, 4}), 0, 1);
  CHECK(colour.channels == 3);
  CHECK(pixel(colour, 1, 1) == std::array<int, 3>{0, 255, 51});
}

TEST_CASE("plot: a grid painted in pieces is the grid of all; sizes that no int holds are refused") {
  std::vector<float> values(7 * 2 * 3 * 3);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 11) / 10;
  const Tensor all = from_host(values, {7, 2, 3, 3});
  ImageGrid grid(7, 2, 3, 3);
  grid.paint(0, from_host(std::span<const float>(values).first(4 * 18), {4, 2, 3, 3}));
  grid.paint(4, from_host(std::span<const float>(values).subspan(4 * 18), {3, 2, 3, 3}));
  CHECK(grid.image().pixels == image_grid(all).pixels);
  CHECK_THROWS_AS(grid.paint(5, all), ShapeError);
  CHECK_THROWS_AS(ImageGrid(170'000, 32, 32, 3), ShapeError);
  CHECK_THROWS_AS(ImageGrid(int64_t{1} << 40, 512, 512, 3), ShapeError);
}

TEST_CASE("plot: a grid fits into its pixels by zoom, then by fewer images") {
  CHECK(fit_grid(64, 28, 28, 2200 * 2200).zoom == 2);
  CHECK(fit_grid(64, 128, 128, 2200 * 2200).zoom == 2);
  CHECK(fit_grid(64, 256, 256, 2200 * 2200).zoom == 1);
  const GridSize large = fit_grid(64, 512, 512, 2200 * 2200);
  CHECK(large.zoom == 1);
  CHECK(large.count == 16);
  CHECK(fit_grid(64, 5000, 5000, 2200 * 2200).count == 1);
  CHECK(fit_grid(2, 5000, 5000, 2200 * 2200).count == 1);
}

TEST_CASE("plot: a scatter plot has y up, data white and samples orange") {
  const Field field{-1, 1, 2, {0, 0, 0, 0}};
  const std::array<float, 2> data{0.5F, 0.5F}, sample{-0.5F, -0.5F};
  const Image image = scatter(field, data, sample, 100);
  CHECK(pixel(image, 75, 25) == std::array<int, 3>{255, 255, 255});
  CHECK(pixel(image, 25, 75)[0] > 230);
  CHECK(pixel(image, 25, 75)[2] < 80);
  CHECK(pixel(image, 75, 75) == pixel(image, 10, 10));
}

TEST_CASE("plot: level sets stand where the field crosses them") {
  Field field{-1, 1, 64, {}};
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < 64; ++column)
      field.values.push_back(static_cast<float>(field_coordinate(field, column)));
  }
  const Image image = scatter(field, {}, {}, 240);
  CHECK(pixel(image, 5, 100) == pixel(image, 5, 200));  // the field depends on x alone
  CHECK(pixel(image, 5, 100) != pixel(image, 230, 100));
  int lines = 0;
  for (int x = 1; x + 1 < 240; ++x) {  // a line is lighter than both neighbours
    const auto sum = [&](int at) {
      return pixel(image, at, 50)[0] + pixel(image, at, 50)[1] + pixel(image, at, 50)[2];
    };
    if (sum(x) > sum(x - 1) + 60 && sum(x) > sum(x + 1) + 20) ++lines;
  }
  CHECK(lines == 11);  // between twelve bands
}

TEST_CASE("plot: points outside and NaN harm nothing") {
  const Field field{-1, 1, 2, {0, 1, 2, 3}};
  const std::array<float, 6> points{1e30F, 0, -1e30F, 5, std::nanf(""), 0};
  const Image image = scatter(field, points, points, 50);
  CHECK(image.pixels == scatter(field, {}, {}, 50).pixels);
  CHECK_THROWS_AS(scatter({-1, 1, 2, {0, 1}}, {}, {}, 50), ShapeError);
}
